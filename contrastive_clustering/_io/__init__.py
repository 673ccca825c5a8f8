"""Read and write trees of plain values as safetensors files, with schemas."""
