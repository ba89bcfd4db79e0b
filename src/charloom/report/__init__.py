"""The report of a model or a comparison: one HTML page, and its figures as JSON.

``analyze`` measures a model, ``model_charts`` and ``tables`` arrange the results, ``page`` fills
the templates. The page loads nothing from the network and has no scripts.
"""
