"""Training runs: one run from a request to a model folder, and comparisons of several.

A run is read from top to bottom in `train.py`:

    request.py        TrainRequest: the arguments of a run
    resolve.py        request -> RunSpec: options, presets, checkpoint (resume.py)
    build.py          corpus, automatic settings (auto.py), network, trainer
    outputs.py        listeners (listeners.py, tensorboard.py) and step hook (checkpointing.py)
    train.py          all of it in order, in one process or several (processes.py)
    controls.py       requests to stop or save, from signals (signals.py) and failing listeners
    compare.py        several runs side by side; search.py, study.py: suggested by Optuna
"""
