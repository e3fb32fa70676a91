"""The dashboard (Streamlit)."""
