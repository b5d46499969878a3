#!/usr/bin/env bash
# The defaults with one thing changed, on dev data: benchmarks/results/ablation_dev.jsonl
set -euo pipefail
cd "$(dirname "$0")/.."
out=benchmarks/results/ablation_dev.jsonl
rm -f "$out"
run() { python benchmarks/accuracy.py --split dev --datasets ohsumed goemotions --out "$out" "$@" >/dev/null; }
run --model linear
run
run --set wide=False
run --set bag=False
run --set compatibility=uniform
run --set attention=shared
run --set window_size=0
run --set window_size=10
run --set word_dropout=0.25
run --set label_texts=None
run --glove
run --model paper
