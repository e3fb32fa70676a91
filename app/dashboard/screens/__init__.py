"""One module per page. Not called ``pages``: Streamlit would run its files for deep links to a fresh server."""
