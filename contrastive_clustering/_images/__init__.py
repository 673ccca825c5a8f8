"""From files of images and volumes to one array and a table of metadata."""
