"""Trees of plain values in safetensors files, and the schemas that check them."""
