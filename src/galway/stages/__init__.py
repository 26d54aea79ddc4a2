"""What happens to an image, one module per stage; stages meet in records, never in imports."""
