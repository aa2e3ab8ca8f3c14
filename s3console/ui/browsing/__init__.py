"""What Browse reads: places, listings that grow, previews."""
