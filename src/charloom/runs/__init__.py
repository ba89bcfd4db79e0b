"""Training runs: from a request to a model folder, and comparisons of several.

Read ``train.py`` first, from top to bottom; the other modules are its steps:

    request.py        TrainRequest: the arguments of a run
    resolve.py        request -> RunSpec (spec.py): options, presets, checkpoint (resume.py)
    build.py          corpus, automatic settings (auto.py), network, plan (plan.py), trainer
    outputs.py        listeners (listeners.py, tensorboard.py) and step hook (checkpointing.py)
    controls.py       requests to stop or save, from signals (signals.py) and failing listeners
    processes.py      a run in several processes
    train.py          all of it in order

Several runs: ``compare.py`` trains a grid of networks, and ``search.py`` those that Optuna suggests
(study.py).
"""
