"""How displays draw: style, colors, grids of images, thumbnails."""
