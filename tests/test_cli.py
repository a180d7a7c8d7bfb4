"""The command line: what `-o` means, exit statuses, one clear line for trouble, no half files.

The models are stood in for: what they do is tested elsewhere.
"""

import csv
import dataclasses
import errno
import inspect
import json
import os
import signal
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import seal
from seal import cli, formats, words
from seal.errors import SealError
from seal.formats import known

SAMPLES = Path(__file__).parent / "samples"

HELLO = [
    {
        "session_id": "call",
        "speaker": speaker,
        "words": text,
        "start_time": start,
        "end_time": start + 0.5,
        "speaker_scores": {"A": 0.75, "B": 0.25},
    }
    for speaker, text, start in [("A", "Hello", 0.0), ("B", "there", 0.5), ("B", "hi", 1.25)]
]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stand-ins for the models; the list holds the keyword arguments of each call."""
    made: list[dict[str, Any]] = []

    def correct(given: list[words.Word], **options: Any) -> list[words.Word]:
        made.append(options)
        options["progress"]("correction", 1.0)
        first = [{"first_pass_speaker": w["speaker"], **w} for w in given]
        return [{**w, "speaker": "B"} for w in first]

    def transcribe(path: Path, **options: Any) -> list[words.Word]:
        made.append({"path": path, **options})
        options["progress"]("asr", 0.5)
        return [dict(w, session_id=Path(path).stem) for w in HELLO]

    def blocks(path: Path) -> Any:
        if not Path(path).is_file() or b"RIFF" not in Path(path).read_bytes():
            raise SealError(f"{path}: is no audio")
        yield 0

    def prepare(*, model: str | None, **options: Any) -> None:
        if model == "missing":
            raise SealError(f"model {model}: there is none of that name")

    def find(model: str | None) -> str:
        if model == "missing":
            raise SealError(f"speech recognition: the model {model!r} cannot be loaded")
        return str(model)

    for name, *functions in [
        ("acoustic.asr", find),
        ("correction", correct, prepare),
        ("pipeline", transcribe),
        ("acoustic.audio", blocks),
    ]:
        module = types.ModuleType(f"seal.{name}")
        for function in functions:
            setattr(module, function.__name__, function)
        monkeypatch.setitem(sys.modules, f"seal.{name}", module)
    return made


@pytest.fixture
def call(tmp_path: Path) -> Path:
    path = tmp_path / "call.json"
    words.write(HELLO, path)
    return path


def run(*arguments: object) -> int:
    return cli.main([str(argument) for argument in arguments])


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run, expect exit status 2 and a single line on stderr, and return that line."""

    def check(*arguments: object) -> str:
        capsys.readouterr()
        assert run(*arguments) == 2
        output = capsys.readouterr()
        assert output.out == ""
        assert output.err.startswith("seal: ")
        assert output.err.count("\n") == 1
        return output.err

    return check


# --- the package ------------------------------------------------------------------------------


def test_public_names_are_functions_even_after_their_modules_are_imported() -> None:
    code = (
        "import seal, seal.scoring, seal.words;"
        "assert callable(seal.score) and callable(seal.read) and callable(seal.write);"
        "assert callable(seal.transcribe) and callable(seal.correct);"
        "import seal.pipeline, seal.correction;"
        "assert callable(seal.transcribe) and callable(seal.correct);"
        "assert set(seal.__all__) <= set(dir(seal))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_module_hides_a_public_function() -> None:
    modules = {path.stem for path in Path(seal.__file__).parent.iterdir()}
    assert not modules & set(seal.__all__)


def test_what_may_be_chosen_comes_from_one_list() -> None:
    """The command line, the server, the help and `seal.correct` offer the lists of `correctors`."""
    from seal.correctors import CHOICES, CORRECTORS, Options
    from seal.server.schema import CorrectOptions, TranscribeOptions

    commands = get_command(cli.app).commands
    shown = {}
    for name in ("correct", "transcribe", "serve", "convert"):
        command = commands[name]
        with command.context_class(command, info_name=name, max_content_width=10_000) as context:
            context.terminal_width = 10_000
            shown[name] = " ".join(command.get_help(context).split())
    for name in ("correct", "transcribe"):
        assert all(f"--{one} <{'|'.join(CHOICES[one])}>" in shown[name] for one in CHOICES)
        assert all(f"{one}: {CORRECTORS[one].summary}" in shown[name] for one in CORRECTORS)
    fields = {field.name for field in dataclasses.fields(Options)}
    assert fields < inspect.signature(seal.correct).parameters.keys()
    text = tuple(name for name in CORRECTORS if not CORRECTORS[name].needs_audio)
    for model, field, offered in (
        (TranscribeOptions, "corrector", tuple(CORRECTORS)),
        (CorrectOptions, "corrector", text),
        (CorrectOptions, "from", tuple(known.one_text())),
    ):
        listed = model.model_json_schema()["properties"][field]["anyOf"][0]["enum"]
        assert tuple(listed) == offered
    assert f"--corrector <{'|'.join(text)}>" in shown["serve"]
    assert all(name in shown["convert"] for name in known.FORMATS)


def test_import_is_light() -> None:
    heavy = {"torch", "transformers", "scipy", "meeteval", "soundfile", "faster_whisper", "numpy"}
    code = f"import sys, seal, seal.cli; print(*({heavy!r} & sys.modules.keys()))"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert output.stdout.split() == []


def test_help_answers_in_half_a_second() -> None:
    took = []
    for _ in range(5):  # time on the processor: others may be at work on this machine
        before = os.times()
        subprocess.run([sys.executable, "-m", "seal", "--help"], check=True, capture_output=True)
        after = os.times()
        took.append(sum(after[2:4]) - sum(before[2:4]))
    assert min(took) < 0.5


@pytest.mark.parametrize("command", ["transcribe", "correct", "score", "serve"])
def test_every_command_explains_itself_with_an_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command, "--help") == 0
    assert f"Example: seal {command} " in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"seal {seal.__version__}\n"


# --- what -o means ----------------------------------------------------------------------------


def test_a_file_for_one_input(call: Path, tmp_path: Path, calls: list[Any]) -> None:
    assert run("correct", call, "-o", tmp_path / "new" / "out.json") == 0
    corrected = words.read(tmp_path / "new" / "out.json")
    assert [w["speaker"] for w in corrected] == ["B", "B", "B"]
    assert [w["first_pass_speaker"] for w in corrected] == ["A", "B", "B"]


def test_a_folder_for_a_name_that_ends_in_a_slash(
    call: Path, tmp_path: Path, calls: list[Any]
) -> None:
    assert run("correct", call, "-o", f"{tmp_path}/out/") == 0
    assert os.listdir(tmp_path / "out") == ["call.json"]


def test_a_folder_for_several_inputs(call: Path, tmp_path: Path, calls: list[Any]) -> None:
    other = tmp_path / "other.v2.json"
    words.write(HELLO, other)
    assert run("correct", call, other, "-o", tmp_path / "out") == 0
    visible = [name for name in os.listdir(tmp_path / "out") if not name.startswith(".")]
    assert sorted(visible) == ["call.json", "other.v2.json"]


def test_an_input_may_be_overwritten_by_its_own_result(call: Path, calls: list[Any]) -> None:
    assert run("correct", call, "-o", call) == 0
    assert "first_pass_speaker" in words.read(call)[0]


def test_a_recording_is_never_overwritten(
    tmp_path: Path, calls: list[Any], refused: Callable[..., str]
) -> None:
    audio = tmp_path / "call.wav"
    audio.write_bytes(b"RIFF")
    (tmp_path / "link.json").symlink_to(audio)
    assert "recording" in refused("transcribe", audio, "-o", audio)
    assert "recording" in refused("transcribe", audio, "-o", tmp_path / "link.json")
    assert audio.read_bytes() == b"RIFF" and calls == []


def test_a_missing_output_is_shown_by_an_example(call: Path, refused: Callable[..., str]) -> None:
    assert "as in -o result.json" in refused("correct", call)


@pytest.mark.parametrize("name", ["talk.txt", "talk.srt", "talk.DOCX", "talk.csv"])
def test_transcribe_says_how_text_is_made_before_any_work(
    name: str, tmp_path: Path, calls: list[Any], refused: Callable[..., str]
) -> None:
    (tmp_path / "talk.wav").write_bytes(b"RIFF")
    message = refused("transcribe", tmp_path / "talk.wav", "-o", tmp_path / name)
    assert "name it talk.json, and seal convert makes" in message
    assert calls == [] and not (tmp_path / name).exists()


def test_two_inputs_of_one_name_are_refused_before_any_work(
    call: Path, tmp_path: Path, calls: list[Any], refused: Callable[..., str]
) -> None:
    (tmp_path / "b").mkdir()
    words.write(HELLO, tmp_path / "b" / "call.json")
    message = refused("correct", call, tmp_path / "b" / "call.json", "-o", tmp_path / "out/")
    assert str(call) in message and str(tmp_path / "b" / "call.json") in message
    assert not (tmp_path / "out").exists() and calls == []


def test_several_do_not_go_into_a_folder_that_is_named_like_a_file(
    call: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    told = refused("correct", call, call, "-o", tmp_path / "all.json")
    assert "need a folder" in told and not (tmp_path / "all.json").exists()
    assert "need a folder" in refused("convert", call.parent, "--to", "csv", "-o", "all.csv")


def test_an_output_that_cannot_be_is_refused_before_any_work(
    call: Path, tmp_path: Path, calls: list[Any], refused: Callable[..., str]
) -> None:
    file = tmp_path / "file"
    file.write_text("kept")
    assert "is a folder" in refused("correct", call, "-o", tmp_path)
    assert "is a folder" in refused("correct", call, "-o", "")
    assert "no folder" in refused("correct", call, call, "-o", file)
    assert "no folder" in refused("correct", call, "-o", f"{file}/")
    assert str(file) in refused("correct", call, "-o", file / "below" / "out.json")
    (tmp_path / "out" / "call.json").mkdir(parents=True)
    assert "is a folder" in refused("correct", call, "-o", f"{tmp_path}/out/")
    assert "-o" in refused("correct", call)
    assert calls == [] and file.read_text() == "kept"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder where nobody may write")
def test_a_folder_without_the_right_to_write(
    call: Path, calls: list[Any], refused: Callable[..., str]
) -> None:
    assert "/proc/out.json: cannot be written" in refused("correct", call, "-o", "/proc/out.json")
    assert calls == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk(call: Path, tmp_path: Path, calls: list[Any], refused: Callable[..., str]):
    assert "No space left" in refused("correct", call, "-o", "/dev/full")


def test_a_disk_that_fills_up_leaves_the_old_file(
    call: Path, tmp_path: Path, calls: list[Any], refused: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.json"
    out.write_text("the old one")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert f"{out}: cannot be written" in refused("correct", call, "-o", out)
    assert out.read_text() == "the old one"
    assert sorted(os.listdir(tmp_path)) == ["call.json", "out.json"]


def test_dev_stdout_is_an_output(call: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "seal", "score", "--ref", call, "--hyp", call, "--json"]
    done = subprocess.run([*command, "-o", "/dev/stdout"], capture_output=True, check=True)
    assert json.loads(done.stdout)["wer"] == 0


# --- bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not JSON"),
        ("{}", "JSON list"),
        ("[1]", "entry 1"),
        ('[{"session_id": "c"}]', "entry 1: the field 'speaker' is missing"),
        ("[" * 100_000, "nested too deep"),
    ],
)
def test_one_bad_transcript_among_several_stops_no_other(
    text: str, told: str, call: Path, tmp_path: Path, calls: list[Any], refused: Callable[..., str]
) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text(text)
    message = refused("correct", bad, call, "--quiet", "-o", tmp_path / "out")
    assert str(bad) in message and told in message
    assert len(calls) == 1 and len(words.read(tmp_path / "out" / "call.json")) == 3
    assert not (tmp_path / "out" / "bad.json").exists()
    assert str(bad) in refused("correct", bad, "-o", tmp_path / "out.json")
    assert len(calls) == 1 and not (tmp_path / "out.json").exists()
    assert "bad.json" in refused("score", "--ref", call, "--hyp", bad)


def test_one_bad_recording_among_several_stops_no_other(
    tmp_path: Path, calls: list[Any], refused: Callable[..., str]
) -> None:
    good, bad = tmp_path / "good.wav", tmp_path / "bad.wav"
    good.write_bytes(b"RIFF")
    bad.write_bytes(b"text")
    for unusable in (bad, tmp_path / "missing.wav"):
        to = ["--quiet", "-o", tmp_path / "out"]
        message = refused("transcribe", unusable, good, "--again", *to)
        assert str(unusable) in message
    assert len(calls) == 2 and (tmp_path / "out" / "good.json").exists()


def test_a_model_that_does_not_load_is_told_before_a_long_recording_is_heard(
    tmp_path: Path, calls: list[Any], refused: Callable[..., str]
) -> None:
    audio = tmp_path / "call.wav"
    audio.write_bytes(b"RIFF")
    to = ["-o", tmp_path / "out.json", "--model", "missing"]
    assert "model missing" in refused("transcribe", audio, *to)
    assert calls == []
    assert run("transcribe", audio, *to, "--no-correct") == 0


def test_an_asr_that_is_not_there_is_told_before_any_work(
    tmp_path: Path, calls: list[Any], refused: Callable[..., str]
) -> None:
    for name in ("one.wav", "two.wav"):
        (tmp_path / name).write_bytes(b"RIFF")
    assert "'missing' cannot be" in refused(
        "transcribe", tmp_path, "-o", tmp_path / "out", "--asr", "missing"
    )
    assert calls == []


@pytest.mark.parametrize(
    "options",
    [
        ["--format", "poem"],
        ["--condition", "maybe"],
        ["--decode", "magic"],
        ["--margin", "nan"],
        ["--margin", "-1"],
        ["--thresholds", "0.9", "0.2"],
        ["--thresholds", "nan", "0.2"],
        ["--adapter", "/no/such/folder"],
        ["--no-such-option"],
    ],
)
def test_bad_options(
    options: list[str], call: Path, tmp_path: Path, calls: list[Any], refused: Callable[..., str]
) -> None:
    refused("correct", call, "-o", tmp_path / "out.json", *options)
    assert calls == [] and not (tmp_path / "out.json").exists()


def test_unknown_command_and_number_of_speakers(
    call: Path, tmp_path: Path, calls: list[Any], refused: Callable[..., str]
) -> None:
    refused("sing")
    refused("transcribe", call, "-o", tmp_path / "out.json", "--speakers", 0)
    assert calls == []


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), "out of memory"),
        (OSError(errno.ENOSPC, "No space left on device", "/cache"), "/cache: No space left"),
        (ModuleNotFoundError("No module", name="torch"), "'torch' is missing"),
        (SealError("two\nlines"), "two lines"),
    ],
)
def test_trouble_during_the_work_is_one_line(
    error: Exception, told: str, call: Path, tmp_path: Path, calls: Any, refused: Any, monkeypatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(sys.modules["seal.correction"], "correct", fail)
    assert told in refused("correct", call, "-o", tmp_path / "out.json")
    assert not (tmp_path / "out.json").exists()


def test_an_interrupt_leaves_with_130_and_no_traceback(
    call: Path, tmp_path: Path, calls: list[Any], monkeypatch: Any, capsys: Any
) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["seal.correction"], "correct", interrupt)
    assert run("correct", call, "-o", tmp_path / "out.json") == 130
    assert capsys.readouterr().err == ""
    assert not (tmp_path / "out.json").exists()


def test_an_interrupt_while_the_command_line_loads_leaves_no_traceback(tmp_path: Path) -> None:
    """A library that is slow to load stands for a slow machine."""
    (tmp_path / "typer.py").write_text("import os, time\nos.write(1, b'x')\ntime.sleep(60)")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "seal", "--help"]
    env = os.environ | {"PYTHONPATH": path}
    with subprocess.Popen(
        command,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # What runs in the background of a script has its interrupts ignored, and hands that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.read(1) == b"x"
        process.send_signal(signal.SIGINT)
        assert (process.wait(30), process.stderr.read()) == (130, b"")


@pytest.mark.parametrize(
    "arguments", [["convert", "--to", "srt"], ["convert", "--to", "azure"], ["simulate"]]
)
def test_times_that_no_clock_has_are_refused(
    arguments: list[str], tmp_path: Path, refused: Callable[..., str]
) -> None:
    late = {"session_id": "a", "speaker": "A", "words": "hi", "start_time": 0, "end_time": 1e306}
    words.write([late], tmp_path / "late.json")
    command, *rest = arguments
    told = refused(command, tmp_path / "late.json", *rest, "-o", tmp_path / "out")
    assert "late.json" in told and "entry 1" in told and "1e+306 s is beyond" in told


def test_a_reader_that_leaves_the_pipe_is_no_error(call: Path) -> None:
    command = [sys.executable, "-m", "seal", "score", "--ref", call, "--hyp", call]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


# --- the options arrive, and the work is quiet ------------------------------------------------


def test_options_reach_the_library(tmp_path: Path, calls: list[Any], capsys: Any) -> None:
    audio = tmp_path / "call.wav"
    audio.write_bytes(b"RIFF")
    options = "--corrector seal --format turn --condition prob --decode tpst --margin 2.5"
    options += " --thresholds 0.4 0.9 --precision int8"
    options += " --min-speakers 2 --max-speakers 5 --channels split --language nl-BE --explain"
    more = ["--speakers", 3, "--asr", "small.en", "--no-correct", "--model", "m", "--device", "d"]
    out = tmp_path / "out.json"
    assert run("transcribe", audio, "-o", out, "--quiet", *options.split(), *more) == 0
    made = calls[0]
    del made["progress"]
    assert made == {
        "path": audio,
        "speakers": 3,
        "min_speakers": 2,
        "max_speakers": 5,
        "channels": "split",
        "words": None,
        "asr": "small.en",
        "language": "nl",
        "eend": None,
        "posteriors": None,
        "correct": False,
        "corrector": "seal",
        "format": "turn",
        "condition": "prob",
        "decode": "tpst",
        "model": "m",
        "adapter": None,
        "margin": 2.5,
        "thresholds": (0.4, 0.9),
        "device": "d",
        "precision": "int8",
        "explain": True,
    }
    assert capsys.readouterr() == ("", "")  # quiet when piped


# --- what is said of it -----------------------------------------------------------------------


def test_one_line_says_what_was_changed(call: Path, tmp_path: Path, calls: Any, capsys: Any):
    out = tmp_path / "out.json"
    assert run("correct", call, "-o", out) == 0
    assert capsys.readouterr() == ("", f"call.json: 1 of 3 words changed → {out}\n")
    assert run("correct", call, "-o", out, "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    audio = tmp_path / "call.wav"
    audio.write_bytes(b"RIFF")
    for options, told in (([], "0 of 3 words changed"), (["--no-correct"], "3 words")):
        assert run("transcribe", audio, "-o", out, *options) == 0
        assert capsys.readouterr().err == f"call.wav: {told} → {out}\n"


def test_words_that_had_no_speaker_are_told_apart(tmp_path: Path, calls: Any, capsys: Any):
    source, out = SAMPLES / "whisperx-holes.json", tmp_path / "out.json"
    listing = tmp_path / "changes.csv"
    assert run("correct", source, "-o", out, "--report", listing) == 0
    holes = sum(formats.load(source).filled)
    told = capsys.readouterr().err
    assert holes and f", {holes} filled in → {out}" in told
    rows = list(csv.DictReader(listing.open(encoding="utf-8")))
    filled = [row for row in rows if row["why"] == "filled in"]
    assert len(filled) == holes and {row["before"] for row in filled} == {""}
    assert f": {len(rows) - holes} of " in told


def test_a_report_that_would_replace_something_is_refused(
    call: Path, tmp_path: Path, calls: list[Any], refused: Callable[..., str]
) -> None:
    out = tmp_path / "out.csv"
    assert "is an input" in refused("correct", call, "-o", out, "--report", out)
    assert "end its name in .csv" in refused("correct", call, "-o", out, "--report", call)
    nowhere = "/proc/none/changes.csv"
    assert "cannot be written" in refused("correct", call, "-o", out, "--report", nowhere)
    assert calls == []


def test_a_model_without_an_adapter_is_told(call: Path, tmp_path: Path, calls: Any, capsys: Any):
    to = ["-o", tmp_path / "out.json", "--quiet", "--model", "other"]
    assert run("correct", call, *to) == 0
    told = capsys.readouterr().err
    assert "other: has not learnt this task; its choices are near chance" in told
    assert told.count("\n") == 1
    for options in (["--adapter", tmp_path], ["--corrector", "cbs"]):  # that one needs no training
        assert run("correct", call, *to, *options) == 0
        assert capsys.readouterr().err == ""


def test_an_input_that_is_replaced_stays_as_a_copy(call: Path, calls: Any, capsys: Any):
    before = call.read_bytes()
    assert run("correct", call, "-o", call) == 0
    copies = [call.with_name(f"call.json.bak{number}") for number in ("", "2")]
    assert copies[0].read_bytes() == before and "(before: call.json.bak)" in capsys.readouterr().err
    assert run("correct", call, "-o", call) == 0  # as it is: no copy is needed
    assert "before" not in capsys.readouterr().err and not copies[1].exists()
    words.write(HELLO[:2], call)
    assert run("correct", call, "-o", call) == 0
    assert copies[0].read_bytes() == before and len(words.read(copies[1])) == 2


def test_a_result_that_a_person_worked_on_stays_as_a_copy(
    call: Path, tmp_path: Path, calls: Any, capsys: Any
) -> None:
    """The same two commands again, the next day: what was decided in between is not lost."""
    result, copy = tmp_path / "out.json", tmp_path / "out.json.bak"
    again = ["correct", call, "-o", result]
    assert run(*again) == 0
    mended = words.read(result)
    for edit in ({"reviewed": True}, {"words_before": "helo"}, {"speaker": "Helen"}):
        words.write([mended[0] | edit, *mended[1:]], result)
        kept = result.read_bytes()
        capsys.readouterr()
        assert run(*again) == 0
        assert copy.read_bytes() == kept and "(before: out.json.bak)" in capsys.readouterr().err
        copy.unlink()
    words.write([mended[0] | {"speaker_confidence": 0.5}, *mended[1:]], result)
    assert run(*again) == 0  # another model's, say: nobody's work
    assert not copy.exists()


def test_speakers_go_back_into_the_file_that_the_words_came_from(
    tmp_path: Path, refused: Callable[..., str]
) -> None:
    tools, edited, out = (tmp_path / name for name in ("wx.json", "wx.words.json", "fixed.json"))
    tools.write_bytes((SAMPLES / "whisperx.json").read_bytes())
    found = seal.read(tools)
    other = next(w["speaker"] for w in found if w["speaker"] != found[0]["speaker"])
    words.write([found[0] | {"speaker": other}, *found[1:]], edited)
    assert run("convert", edited, "--like", tools, "-o", out) == 0
    assert formats.load(out).format == "whisperx"
    assert [w["speaker"] for w in seal.read(out)] == [other, *(w["speaker"] for w in found[1:])]
    words.write(found[1:], edited)
    assert "other words" in refused("convert", edited, "--like", tools, "-o", tmp_path / "x.json")
    assert "leave it out" in refused(
        "convert", edited, "--like", tools, "--to", "srt", "-o", tmp_path / "x.srt"
    )
    assert "one transcript" in refused("convert", edited, edited, "--like", tools, "-o", out)


def test_what_fails_in_place_leaves_no_copy(
    call: Path, calls: Any, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise SealError("no")

    monkeypatch.setattr(sys.modules["seal.correction"], "correct", fail)
    refused("correct", call, "-o", call)
    assert os.listdir(call.parent) == ["call.json"]


# --- score ------------------------------------------------------------------------------------


def test_score_in_json_and_as_a_table(call: Path, tmp_path: Path, capsys: Any) -> None:
    other = tmp_path / "hyp.json"
    words.write([{**HELLO[0], "words": "yellow"}, {**HELLO[1], "speaker": "A"}, HELLO[2]], other)
    assert run("score", "--ref", call, "--hyp", other, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {
        "wer": 1 / 3,
        "cpwer": 1.0,
        "delta_cp": 2 / 3,
        "wder": 1 / 3,
        "tcpwer": 1.0,
        "di_cpwer": 2 / 3,
        "der": pytest.approx(0.75 / 1.75),
        "words": 3,
        "characters": 0,
        "errors": 1,
        "cp_errors": 3,
        "aligned": 3,
        "misattributed": 1,
        "tcp_errors": 3,
        "di_cp_errors": 2,
        "der_seconds": pytest.approx(0.75),
        "speech": pytest.approx(1.75),
    }
    assert run("score", "--ref", call, "--hyp", other, "-o", tmp_path / "table.txt") == 0
    table = (tmp_path / "table.txt").read_text(encoding="utf-8")
    for part in ("WER", "cpWER", "Δcp", "WDER", "33.33 %", "100.00 %", "66.67 %"):
        assert part in table


def test_score_matches_the_files_of_folders_by_name_whatever_their_ending(
    tmp_path: Path, capsys: Any, refused: Callable[..., str]
) -> None:
    ref, hyp, none = (tmp_path / name for name in ("ref", "hyp", "none"))
    for folder in (ref, hyp):
        for name in ("one", "two"):
            words.write(HELLO, folder / f"{name}.json")
    none.mkdir()
    folders = ["--ref", ref, "--hyp", hyp]
    assert run("score", *folders, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["words"] == 6 and found["files"]["two.json"]["words"] == 3
    (hyp / "two.json").rename(hyp / "two.jsonl")
    (hyp / "two.jsonl").write_text("".join(f"{json.dumps(word)}\n" for word in HELLO))
    words.write([{**word, "speaker": "A"} for word in HELLO], hyp / "one.json")
    assert run("score", *folders) == 0
    output = capsys.readouterr()
    assert output.err == "" and [line.split()[0] for line in output.out.splitlines() if "%" in line]
    rows = [line.split("│")[1].strip() for line in output.out.splitlines() if "%" in line]
    assert rows == ["one.json", "two.jsonl", "2 files"]
    (hyp / "two.jsonl").rename(hyp / "three.jsonl")
    assert run("score", *folders, "--json") == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["words"] == 3
    alone = [(ref / "two.json", "--hyp"), (hyp / "three.jsonl", "--ref")]
    told = [f"seal: {path}: has no partner under {option}; left out\n" for path, option in alone]
    assert output.err == "".join(told)
    assert "no .json" in refused("score", "--ref", none, "--hyp", none)
    words.write(HELLO, none / "four.json")
    assert run("score", "--ref", ref, "--hyp", none) == 2
    assert "no file there has a partner" in capsys.readouterr().err


@pytest.mark.parametrize("turned", [False, True])
def test_one_file_of_all_conversations_is_scored_with_a_folder_of_each(
    turned: bool, tmp_path: Path, capsys: Any
) -> None:
    """As research has them: a reference STM, and a transcript for each recording."""
    stm = tmp_path / "all.stm"
    stm.write_text("".join(f"{name} 1 A 0.0 2.0 Hello there hi\n" for name in "abc"))
    folder = tmp_path / "each"
    for name in "ab":
        words.write([{**word, "session_id": name} for word in HELLO], folder / f"{name}.json")
    srt = "1\n00:00:00,000 --> 00:00:02,000\nA: Hello there hi\n"  # names no conversation
    (folder / "c.srt").write_text(srt)
    sides = ["--ref", folder, "--hyp", stm] if turned else ["--ref", stm, "--hyp", folder]
    assert run("score", *sides, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found["files"]) == ["a.json", "b.json", "c.srt"]
    assert found["words"] == 9 and found["files"]["c.srt"]["cpwer"] == 0.0
    words.write(HELLO, folder / "d.json")
    assert run("score", *sides) == 2
    output = capsys.readouterr()
    assert f"{folder / 'd.json'}: {stm} has no conversation 'call'" in output.err
    assert "3 files" in output.out


def test_a_reference_without_words_is_an_error(
    call: Path, tmp_path: Path, capsys: Any, refused: Callable[..., str]
) -> None:
    empty = tmp_path / "ref" / "call.json"
    words.write([{**HELLO[0], "words": "..."}], empty)
    assert "without words" in refused("score", "--ref", empty, "--hyp", call)
    words.write(HELLO, empty.with_name("two.json"))
    words.write(HELLO, tmp_path / "two.json")
    assert run("score", "--ref", empty.parent, "--hyp", tmp_path, "--json") == 2
    output = capsys.readouterr()
    assert json.loads(output.out)["words"] == 3
    assert f"{empty}: is a reference without words" in output.err


def test_a_text_without_times_has_no_der(call: Path, tmp_path: Path, capsys: Any) -> None:
    text = tmp_path / "call.txt"
    text.write_text("A: Hello\nB: there hi\n")
    assert run("score", "--ref", text, "--hyp", call, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["der"] is None and found["cpwer"] == 0


def test_score_pairs_files_in_the_order_given(
    call: Path, tmp_path: Path, capsys: Any, refused: Callable[..., str]
) -> None:
    twin = tmp_path / "twin.json"
    words.write([{**w, "session_id": "other"} for w in HELLO], twin)
    sides = ["--ref", call, "--ref", twin, "--hyp", call, "--hyp", twin]
    assert run("score", *sides, "--json") == 0
    assert json.loads(capsys.readouterr().out)["words"] == 6
    assert "partner" in refused("score", *sides[:6])
    message = refused("score", "--ref", call, "--hyp", twin)
    assert str(call) in message and str(twin) in message and "'call' is in the ref" in message
