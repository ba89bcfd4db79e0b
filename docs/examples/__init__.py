"""Run the examples of the documentation: `python docs/run_examples.py --help`."""
