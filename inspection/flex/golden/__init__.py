"""Golden-image mode: one defect-free template is enough to find and name the defects of a board."""
