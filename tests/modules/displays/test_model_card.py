"""The card of a model shows its record and the history of its run."""

from displays import Page, check_is_safe
from records import record
from training_events import sample, step, stopped, validation

from charloom.displays.model_card import model_card
from charloom.model_folder.history import History

EVENTS = tuple(
    event.to_json()
    for event in (
        step(10.0, 0.1),
        validation(2.5, best=True),
        sample("To <be>"),
        step(80.0, 1.0),
        stopped(),
    )
)


def test_a_card_has_figures_curves_and_samples() -> None:
    labelled = record(
        labels=("u",), metrics={"bits_per_character": 2.34567, "seconds": 75.0, "epoch": 3}
    )
    history = History(EVENTS, {"ngram": 2.75, "uniform": 3.5})
    panel = model_card(labelled, history, (sample("To <be>"),))
    check_is_safe(panel.to_html())
    shown = " ".join(Page(panel.to_html()).texts)
    for text in ("15, level char", "LSTM, 1 layer of 6", "1:15, 3 epochs", "To ", "<be>"):
        assert text in shown
    assert panel.facts[-3:] == (
        ("held-out texts", "2.346 bits per character"),
        ("uniform over the symbols", "3.500 bits per character"),
        ("6-grams (Kneser-Ney)", "2.750 bits per character"),
    )
    assert ("labels", "1") in panel.facts
    weights = sum(tensor.size for tensor in labelled.tensors.values())
    assert ("parameters", f"{weights:,}") in panel.facts
    assert "validation loss 2.500" in panel.curve


def test_a_model_without_any_history_has_a_card() -> None:
    panel = model_card(record(metrics={}), History(), ())
    check_is_safe(panel.to_html())
    assert panel.curve == ""
    assert [name for name, _ in panel.facts] == ["symbols", "parameters"]
