"""What is remembered of a fill: judged again it is the same, damaged it is none."""

from accelerator.collimation.fill_memory import BeamState, Memory, State, load, save


def test_the_last_piece_is_judged_with_the_state_before_it(tmp_path):
    first = State({"1": BeamState("9001", "collisions", (0.1, 0.2), 60.0, ((1.0, 0.1, 0.02),))})
    memory = Memory().then(first, "a", 100.0)
    assert memory.state_for("a") == State()
    assert memory.state_for("b").beams == first.beams
    assert not memory.is_new(100.0)
    assert memory.is_new(101.0)
    path = tmp_path / "collimation" / "fill.json"
    save(memory, path)
    assert load(path) == memory


def test_a_damaged_file_is_no_memory(tmp_path):
    path = tmp_path / "fill.json"
    assert load(path) == Memory()
    for content in ("", "{", "[]", '{"format": 1}', '{"format": 9}', '{"format": 1, "before": {}, "after": {}}'):
        path.write_text(content)
        assert load(path) == Memory()
