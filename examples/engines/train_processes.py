"""Train one network in several processes: torchrun --nproc-per-node=2 train_processes.py.

On a machine with several GPUs each process has one; leave out ``cpu=True`` and ``device="cpu"``.
"""

from accelerate import Accelerator

from sklabelemb import LACOClassifier, save
from sklabelemb.datasets import load_support_requests

accelerator = Accelerator(cpu=True)
data = load_support_requests()
model = LACOClassifier(
    encoder={
        "model_type": "bert",
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
    },
    label_names=data.target_names,
    batch_size=32,  # of all processes together
    max_epochs=2,
    device="cpu",
    random_state=0,  # the same in all processes: they draw the same batches
    verbose=accelerator.is_main_process,
    net_params={"accelerator": accelerator},
)
model.fit(data.data[:300], data.target[:300])
if accelerator.is_main_process:
    save(model, "model")  # it warns that net_params are not saved
