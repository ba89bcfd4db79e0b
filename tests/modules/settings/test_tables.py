from itertools import combinations

from charloom.settings.declaration import settings_of
from charloom.settings.tables import RUN_TABLES, TABLES, option_name


def test_a_setting_of_a_run_is_in_one_table_only() -> None:
    for one, other in combinations(RUN_TABLES, 2):
        assert not set(settings_of(TABLES[one])) & set(settings_of(TABLES[other]))


def test_messages_spell_settings_as_options() -> None:
    names = ("learning_rate", "clip", "batch_size", "clean", "columns", "temperatures", "cell")
    assert [option_name(name) for name in names] == [
        *("lr", "clip-norm", "batch-size", "clean", "columns", "temperatures", "cell"),
    ]
