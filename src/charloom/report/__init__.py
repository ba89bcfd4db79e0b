"""The report: what is known of a model, or of several side by side, as one page and as JSON.

findings.py gathers the figures, scales.py and charts.py turn them into pictures, and page.py fills
the templates. Nothing of it needs a network, a script or torch.
"""
