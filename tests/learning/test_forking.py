"""A web server loads a model, forks, and predicts in its workers."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")
def test_a_forked_process_predicts():
    code = """
        import os, signal, torch
        from sklabelemb import LEAMClassifier
        torch.set_num_threads(2)
        texts = [f"word{i % 7} common{i % 3} " * 30 for i in range(60)]
        model = LEAMClassifier(max_epochs=1, wide=False, embedding_dim=64, device="cpu")
        model.fit(texts, [i % 3 for i in range(60)]).predict(texts)
        # Threads of torch are there for certain now.
        torch.softmax(torch.randn(2000, 500), dim=1)
        pid = os.fork()
        if pid == 0:
            signal.alarm(60)  # a child that hangs is ended
            torch.softmax(torch.randn(2000, 500), dim=1)
            model.predict(texts)
            os._exit(0)
        print(os.waitpid(pid, 0)[1], torch.get_num_threads())
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
    )
    assert done.stdout.split() == ["0", "2"]
