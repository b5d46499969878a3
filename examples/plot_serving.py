"""
How do I save a model, and serve it without torch?
==================================================

``save`` writes a folder of JSON and safetensors, without pickle. ``load`` returns the classifier;
``serving.load`` only needs NumPy and SciPy. How large are the folders?
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from matplotlib import pyplot as plt

from sklabelemb import LEAMClassifier, load, save, serving
from sklabelemb.datasets import load_support_requests

requests = load_support_requests(as_frame=True)
X, y = requests.data, requests.target
model = LEAMClassifier(embedding_dim=64, max_epochs=5, random_state=0).fit(X[:500], y[:500])

# %%
# Weights can be compressed. Do the predictions stay the same?

folder = Path(TemporaryDirectory().name)
options = {
    "float32": {},
    "float16": {"dtype": "float16"},
    "int8, small weights left out": {"dtype": "int8", "prune": 0.02},
}
sizes = {}
for name, how in options.items():
    path = folder / name.partition(",")[0]
    path.parent.mkdir(exist_ok=True)
    save(model, path, **how)
    sizes[name] = sum(file.stat().st_size for file in path.iterdir()) / 1e6
    same = (load(path).predict(X[500:]) == model.predict(X[500:])).to_numpy().mean()
    print(f"{name:29} {sizes[name]:4.1f} MB   {same:.1%} of the decisions are the same")

# %%
# What a server loads says the same as the classifier, and a new process with it imports no torch.

served = serving.load(folder / "float32")
print(served.predict_labels(["The kettle arrived broken, I want my money back."]))
code = f"""
import sys
from sklabelemb import serving
serving.load({str(folder / "float32")!r}).predict(["where is my parcel"])
print("torch" in sys.modules, "sklearn" in sys.modules)
"""
print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout)

figure, ax = plt.subplots(figsize=(6, 2), layout="constrained")
bars = ax.barh(list(sizes), list(sizes.values()), color=["0.6", "tab:blue", "tab:blue"])
ax.bar_label(bars, fmt="%.1f MB", padding=3)
ax.invert_yaxis()
ax.set(xlabel="size of the folder", xlim=(0, 1.2 * max(sizes.values())))
