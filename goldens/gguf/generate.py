"""Blocks of Q8_0, out of those that blocks.py makes of every type."""
import argparse
from pathlib import Path

from safetensors.numpy import save_file

import blocks

parser = argparse.ArgumentParser()
parser.add_argument("--out", type=Path, required=True)
parser.add_argument("--seed", type=int, default=1)
a = parser.parse_args()
tensors, _ = blocks.make(a.seed)
save_file({name: values for name, values in tensors.items() if "/Q8_0/" in name}, a.out)
