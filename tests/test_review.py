"""The review page: edits change speakers and nothing else, on the page as in the file; the server
answers one browser on this machine; and the page itself, driven in Chromium where there is one."""

import json
import re
import shutil
import subprocess
import tempfile
import threading
import time
from base64 import b64decode, b64encode
from contextlib import contextmanager
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seal import formats, rulings, words
from seal.cli import main
from seal.errors import SealError
from seal.formats import docx as docx_format
from seal.formats.names import SAID
from seal.review import FOLDER, PageAudio, conversation, document, word_view, write_page
from seal.review.edits import apply
from seal.review.known import KnownVoices
from seal.review.server import Review, application

SAMPLES = Path(__file__).parent / "samples"
KEPT = ("session_id", "words", "start_time", "end_time", "note")


def talk(count, names=("A", "B"), **more):
    return [
        {
            "session_id": "call",
            "speaker": names[place // 5 % len(names)],
            "words": f"word{place}",
            "start_time": 0.5 * place,
            "end_time": 0.5 * place + 0.4,
            "speaker_scores": {name: 0.5 for name in names},
            "first_pass_speaker": names[place // 5 % len(names)],
            "speaker_confidence": 0.5 + place % 50 / 100,
            "note": {"kept": [1.50, place]},
            **more,
        }
        for place in range(count)
    ]


@st.composite
def reviewed(draw):
    """A transcript of two conversations, and edits of the first one."""
    given = talk(draw(st.integers(1, 12))) + talk(3, ("x", "y"), session_id="other")
    for word in given:
        if draw(st.booleans()):
            del word["first_pass_speaker"]
    given = draw(st.permutations(given))
    indices = conversation(given, "call")
    new = {"A": draw(st.sampled_from(["A", "Ann", "B"])), "B": draw(st.sampled_from(["C", "Ben"]))}
    renamed = {old: name for old, name in new.items() if old != name}
    for index in indices:
        if draw(st.integers(0, 4)) == 0:  # somebody corrected it before
            given[index]["words_before"] = draw(st.sampled_from(["née", "word0"]))
    texts = st.sampled_from(["née", "word0", "10 000"])
    names = [*new.values(), "somebody else"]
    return (
        given,
        indices,
        {
            "speakers": [draw(st.sampled_from(names)) for _ in indices],
            "reviewed": draw(st.lists(st.integers(0, len(indices) - 1), unique=True)),
            "renamed": renamed,
            "texts": draw(
                st.dictionaries(st.sampled_from([str(p) for p in range(len(indices))]), texts)
            ),
        },
    )


@given(reviewed())
def test_edits_change_speakers_and_the_words_that_somebody_wrote_anew(case):
    given, indices, edits = case
    copy = json.loads(json.dumps(given))
    after = apply(given, indices, edits)
    assert given == copy
    assert len(after) == len(given)
    texts = {indices[int(place)]: text for place, text in edits["texts"].items()}
    for index, (old, new) in enumerate(zip(given, after, strict=True)):
        written = texts.get(index, old["words"])
        kept = [new.get(key) for key in KEPT if key != "words"]
        assert kept == [old.get(key) for key in KEPT if key != "words"]
        assert new["words"] == written
        # What it was is there, once, as long as it is another.
        was = old.get("words_before", old["words"])
        if written != old["words"]:
            assert new.get("words_before") == (was if was != written else None)
        else:
            assert new.get("words_before") == old.get("words_before")
        if index not in indices:
            assert new == old
    for place, index in enumerate(indices):
        assert after[index]["speaker"] == edits["speakers"][place]
        assert after[index].get("reviewed", False) == (place in edits["reviewed"])
        kept = {edits["renamed"].get(n, n): s for n, s in given[index]["speaker_scores"].items()}
        assert after[index]["speaker_scores"] == kept
    assert words.check(after) == after


@pytest.mark.parametrize(
    "edits",
    [
        None,
        {"speakers": ["A"]},
        {"speakers": ["A", 1, "B"]},
        {"speakers": ["A", "", "B"]},
        {"speakers": ["A", "B", "B"], "reviewed": ["0"]},
        {"speakers": ["A", "B", "B"], "renamed": {"A": "x", "B": "x"}},
        {"speakers": ["A", "B", "B"], "texts": {"3": "x"}},
        {"speakers": ["A", "B", "B"], "texts": {"0": 1}},
        {"speakers": ["A", "B", "B"], "texts": {"0": " "}},
        {"speakers": ["A", "B", "B"], "texts": ["x"]},
    ],
)
def test_edits_of_another_shape_are_refused(edits):
    with pytest.raises(SealError, match="edits: "):
        apply(talk(3), [0, 1, 2], edits)


def test_nothing_in_a_transcript_is_markup():
    given = talk(2)
    given[0]["words"] = "</script><script>alert(1)</script>"
    given[0]["speaker"] = given[0]["first_pass_speaker"] = "{{title}}"
    page = document("<b>.json", given, [0, 1])
    assert "<b>.json" not in page
    assert "alert(1)<" not in page
    assert page.count("</script>") == 2
    assert "{{title}}" in page


def test_a_browser_runs_the_pages_own_scripts_alone():
    page = document("call", talk(2), [0, 1])
    policy = re.search(r'Security-Policy" content="([^"]*)"', page)[1]
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    allowed = re.findall(r"'sha256-([^']*)'", policy)
    assert allowed == [b64encode(sha256(text.encode()).digest()).decode() for text in scripts]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy.replace("style-src 'unsafe-inline'", "")


def test_one_conversation_of_several_is_shown():
    given = talk(2) + talk(2, session_id="other")
    with pytest.raises(SealError, match="call, other"):
        conversation(given)
    with pytest.raises(SealError, match="'third'"):
        conversation(given, "third")
    assert conversation(given, "other") == [2, 3]
    assert conversation([]) == []


@pytest.fixture
def client(tmp_path):
    testclient = pytest.importorskip("fastapi.testclient")
    words.write(talk(4), tmp_path / "call.json")
    review = Review(tmp_path / "call.json")
    return testclient.TestClient(application(review, "secret"), base_url="http://localhost:1")


def test_the_server_saves_whole_files_and_not_over_others(client, tmp_path):
    path = tmp_path / "call.json"
    edits = {"speakers": ["B", "A", "A", "A"], "reviewed": [0], "renamed": {}}
    first, second = loaded(client), loaded(client)  # two pages of the same file
    assert client.post("/secret/export/text", json=edits).text.startswith("B: word0\nA: word1")
    answer = client.put(first, json=edits)
    assert answer.status_code == 200
    assert [word["speaker"] for word in words.read(path)] == list("BAAA")
    first = f"/secret/{answer.json()['save']}"
    kept = path.read_bytes()
    assert client.put(first, json={"speakers": ["B"]}).status_code == 409
    assert path.read_bytes() == kept
    answer = client.put(second, json=edits | {"speakers": ["A"] * 4})
    assert answer.status_code == 409  # or what the first page saved would be gone
    assert "changed by somebody else" in answer.json()["error"]
    assert path.read_bytes() == kept
    words.write(talk(4, note="by somebody else"), path)
    kept = path.read_bytes()
    assert client.put(first, json=edits).status_code == 409
    assert path.read_bytes() == kept
    assert client.put(loaded(client), json=edits).status_code == 200


def test_an_rttm_that_somebody_else_has_changed_is_not_written_over(tmp_path):
    testclient = pytest.importorskip("fastapi.testclient")
    for suffix in (".ctm", ".rttm"):
        shutil.copy(SAMPLES / f"ctm-rttm{suffix}", tmp_path / f"call{suffix}")
    turns = tmp_path / "call.rttm"
    review = Review(tmp_path / "call.ctm")
    client = testclient.TestClient(application(review, "secret"), base_url="http://localhost:1")
    place = f"/secret/save?version={review.version}"
    names = [word["speaker"] for word in review.words]
    edits = {"speakers": [*names[:-1], names[0]], "reviewed": [], "renamed": {}}
    place = f"/secret/{client.put(place, json=edits).json()['save']}"
    more = turns.read_text() + "SPEAKER other 1 0 1 <NA> <NA> Z <NA> <NA>\n"
    turns.write_text(more)
    assert client.put(place, json=edits).status_code == 409
    assert turns.read_text() == more


def test_a_reviewed_file_keeps_its_format(tmp_path):
    """Segments of few words look like a word transcript; they are not one."""
    path = tmp_path / "call.json"
    shutil.copy(SAMPLES / "seglst.json", path)
    review = Review(path)
    count = len(review.indices)
    for turn in range(3):
        names = ["AB"[(place + turn) % 2] for place in range(count)]
        review.save({"speakers": names}, review.version)
        assert len(review.indices) == count


def test_a_file_that_is_gone_is_told(client, tmp_path):
    place = loaded(client)
    (tmp_path / "call.json").unlink()
    answer = client.put(place, json={"speakers": list("ABAB")})
    assert answer.status_code == 409 and "call.json" in answer.json()["error"]


def test_what_somebody_wrote_beside_a_word_does_not_break_the_page(tmp_path):
    given = talk(2, speaker_confidence=float("nan"), first_pass_speaker=None)
    page = document("call", given, [0, 1], None)
    data = json.loads(page.split('id="data">', 1)[1].split("</script>", 1)[0])
    assert [(w["confidence"], w["first"]) for w in data["words"]] == [
        (None, given[0]["speaker"]),
        (None, given[1]["speaker"]),
    ]


def loaded(client):
    """Load the page; where it saves to."""
    page = client.get("/secret/").text
    assert "word3" in page
    data = page.split('id="data">', 1)[1].split("</script>", 1)[0]
    return f"/secret/{json.loads(data)['save']}"


def test_the_server_answers_this_machine_and_the_secret_alone(client):
    assert client.get("/").status_code == 404
    assert client.put("/save", json={}).status_code == 404
    assert client.get("/secret/", headers={"Host": "evil.example"}).status_code == 403
    assert client.get("/secret/sound").status_code == 404


def test_transcribe_writes_the_page_too(tmp_path, monkeypatch):
    import numpy as np
    import soundfile

    soundfile.write(tmp_path / "call.wav", np.zeros(32000), 16000)
    monkeypatch.setattr("seal.pipeline.transcribe", lambda *_, **__: talk(4))
    call = ["transcribe", str(tmp_path / "call.wav"), "--no-correct", "--html", "-o"]
    assert main([*call, str(tmp_path / "out.json")]) == 0
    page = (tmp_path / "out.html").read_text()
    assert "word3" in page
    assert "data:audio/mpeg;base64," in page
    assert len(words.read(tmp_path / "out.json")) == 4
    assert main([*call, str(tmp_path / "out.html")]) == 2


INHERITED = ("constructor", "__proto__", "toString", "hasOwnProperty")
"""What every object of JavaScript has, or seems to have; speakers may be called so."""


@pytest.mark.skipif(not shutil.which("node"), reason="no Node here")
@pytest.mark.parametrize("scored", INHERITED)
def test_speakers_may_be_called_like_what_objects_inherit(scored, tmp_path):
    given = [word | {"speaker_scores": {scored: 0.5}} for word in talk(20, INHERITED)]
    words.write(given, tmp_path / "in.json")
    given = words.read(tmp_path / "in.json")
    page = document("call", given, range(20))
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page)[1]
    code = (
        (FOLDER / "edits.js").read_text()
        + """
        const data = JSON.parse(require("fs").readFileSync(0));
        const talk = new Conversation(data);
        const numbers = talk.scores.flat().every((score) => typeof score === "number");
        const made = [talk.file(data.transcript, data.indices), numbers];
        const at = "2026-01-02T03:04:05Z", said = talk.edits.bind(talk);
        talk.edits = () => ({ ...said(), at });
        talk.rename(talk.names.indexOf("__proto__"), "valueOf");
        made.push(talk.edits(), talk.file(data.transcript, data.indices));
        console.log(JSON.stringify(made));"""
    )
    done = subprocess.run(["node", "-e", code], input=data, capture_output=True, text=True)
    assert not done.stderr
    made, numbers, edited, made_renamed = json.loads(done.stdout)
    renamed = edited["renamed"]
    names = [word["speaker"] for word in given]
    edits = {"speakers": names, "reviewed": []}
    assert numbers and made == words.text_of(apply(given, range(20), edits))
    assert renamed == {"__proto__": "valueOf"}
    names = [renamed.get(name, name) for name in names]
    edits = {key: edited[key] for key in ("acts", "at")} | {
        **{"speakers": names, "reviewed": [], "renamed": renamed}
    }
    assert made_renamed == words.text_of(apply(given, range(20), edits))


def test_words_of_another_tools_file_are_not_written_anew(tmp_path):
    path = tmp_path / "call.srt"
    shutil.copy(SAMPLES / "srt.srt", path)
    review = Review(path)
    kept = path.read_bytes()
    edits = {"speakers": [word["speaker"] for word in review.words], "texts": {"0": "other"}}
    with pytest.raises(SealError, match="word transcript alone"):
        review.save(edits, review.version)
    assert path.read_bytes() == kept
    assert '"writable": false' in review.page()
    assert b"other" in review.export("text", edits)[1]  # what is exported is a new file


@st.composite
def conversations(draw):
    """Words as people say them, with marks, pauses and names of all kinds."""
    names = draw(
        st.lists(
            st.sampled_from(["A", "Ann Lee", "speaker 1", "Note", "a b", "Ö"]),
            min_size=1,
            max_size=3,
        )
    )
    text = st.text("abcdefghijé<&\U0001f600", min_size=1, max_size=14)
    text |= st.text("你好ラーメン「、。！สัก안3x", min_size=1, max_size=3)
    time, made = 0.0, []
    for _ in range(draw(st.integers(1, 60))):
        time = max(0.0, time + draw(st.sampled_from([-0.9, -0.1, 0.0, 0.02, 0.1, 0.4, 2.0])))
        length = draw(st.sampled_from([0.05, 0.21, 0.5]))
        made.append(
            {
                "session_id": "call",
                "speaker": draw(st.sampled_from(names)),
                "words": draw(text) + draw(st.sampled_from(["", "", "", ",", ".", "?”", ":"])),
                "start_time": round(time, 3),
                "end_time": round(time + length, 3),
            }
        )
        if draw(st.integers(0, 9)) == 0:
            made[-1]["times_estimated"] = True
        time += length
    return sorted(made, key=lambda word: word["start_time"])


@pytest.mark.skipif(not shutil.which("node"), reason="no Node here")
@settings(max_examples=6, deadline=None)
@given(st.lists(conversations(), min_size=4, max_size=4))
def test_a_page_exports_what_the_formats_write(talks):
    """Text and subtitles byte for byte; a Word document with the same paragraphs."""
    docx = pytest.importorskip("docx")
    data = [[word_view(word) for word in talk] for talk in talks]
    code = (
        "".join((FOLDER / name).read_text() for name in ("spaces.js", "turns.js", "export.js"))
        + """
        const { talks, asides } = JSON.parse(require("fs").readFileSync(0));
        const bytes = (parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));
        console.log(JSON.stringify(talks.map((words) =>
          [EXPORTS.otter(words), EXPORTS.srt(words, asides),
           bytes(EXPORTS.docx(words)).toString("base64")])));"""
    )
    sent = json.dumps({"talks": data, "asides": sorted(SAID)})
    done = subprocess.run(["node", "-e", code], input=sent, capture_output=True, text=True)
    assert not done.stderr
    for talk, (text, subtitles, page) in zip(talks, json.loads(done.stdout), strict=True):
        assert text == formats.written(talk, "otter")
        assert subtitles == formats.written(talk, "srt")
        theirs = docx.Document(BytesIO(b64decode(page)))
        ours = docx.Document(BytesIO(docx_format.made(talk)))
        assert [p.text for p in theirs.paragraphs] == [p.text for p in ours.paragraphs[1:]]


@pytest.mark.skipif(not shutil.which("node"), reason="no Node here")
def test_a_changed_word_says_what_spoke_for_it():
    """Until somebody decides it by hand."""
    word = {"session_id": "a", "speaker": "B", "words": "yes", "start_time": 0, "end_time": 1}
    word |= {"first_pass_speaker": "A", "decided_by": ["voice", "text", "else"]}
    assert "by" not in word_view(word | {"first_pass_speaker": "B"})
    assert "by" not in word_view(word | {"decided_by": "voice"})
    code = (
        "".join((FOLDER / name).read_text() for name in ("spaces.js", "edits.js", "turns.js"))
        + """
        const words = JSON.parse(require("fs").readFileSync(0));
        const talk = new Conversation({ words, speakers: ["A", "B"] });
        const before = by(talk.by(0));
        talk.assign("", [0], () => 0);
        talk.assign("", [0], () => 1);
        console.log(JSON.stringify([before, by(talk.by(0))]));"""
    )
    sent = json.dumps([word_view(word)])
    done = subprocess.run(["node", "-e", code], input=sent, capture_output=True, text=True)
    assert not done.stderr
    assert json.loads(done.stdout) == [", changed by the voice and the words", ""]


def test_the_page_is_told_the_signs_beside_a_word():
    word = {"session_id": "a", "speaker": "A", "words": "Salt", "start_time": 0, "end_time": 1}
    assert "shown" not in word_view(word)
    assert word_view(word | {"with_signs": "Salt &"})["shown"] == "Salt &"


@pytest.fixture
def voiced(monkeypatch):
    """Each of the two speakers has a voice, whatever his name."""
    import numpy as np

    from seal.voices import heard

    def hear(given, source, only=None, progress=None):
        found = {}
        for name in {word["speaker"] for word in given} if only is None else {only}:
            first = next(w["words"] for w in given if w["speaker"] == name)
            vector = np.zeros(192, dtype=np.float32)
            vector[int(first.removeprefix("word")) // 5 % 2] = 1.0
            found[name] = heard.Heard(vector, 20.0)
        return found

    monkeypatch.setattr(heard, "hear", hear)


def test_a_page_remembers_nobody_without_a_library_and_consent(voiced, tmp_path):
    from starlette.testclient import TestClient

    path, library = tmp_path / "call.json", tmp_path / "voices.json"
    words.write(talk(20), path)
    before = path.read_bytes()
    edits = {"speakers": [word["speaker"] for word in talk(20)]}
    plain = TestClient(application(Review(path), "s"), base_url="http://127.0.0.1")
    assert '"library": null' in plain.get("/s/").text
    assert plain.post("/s/known", json=edits).status_code == 409
    review = Review(path, None, None, None, KnownVoices(library, tmp_path / "call.wav"))
    there = TestClient(application(review, "s"), base_url="http://127.0.0.1")
    assert there.post("/s/known", json=edits).json() == []
    for consent in (None, False, "true", 1):
        asked = {"edits": edits, "speaker": "B", "consent": consent}
        assert there.post("/s/remember", json=asked).status_code == 409
    assert there.post("/s/remember", json=[]).status_code == 409
    assert (
        there.post(
            "/s/remember", json={"edits": edits, "speaker": "Z", "consent": True}
        ).status_code
        == 409
    )
    assert not library.exists()
    named = {"edits": edits | {"renamed": {"B": "Ann"}}, "speaker": "Ann", "consent": True}
    named["edits"]["speakers"] = [name.replace("B", "Ann") for name in edits["speakers"]]
    told = there.post("/s/remember", json=named)
    assert told.status_code == 200 and "20.0 s are remembered" in told.json()["told"]
    offered = there.post("/s/known", json=edits).json()
    assert [(one["speaker"], one["name"]) for one in offered] == [("B", "Ann")]
    assert there.post("/s/known", json=named["edits"]).json() == []  # she is called so
    assert path.read_bytes() == before


# ---- in a browser


@pytest.fixture(scope="module")
def chromium():
    sync = pytest.importorskip("playwright.sync_api")
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.skip("no Chromium here")
    flags = "--no-sandbox --disable-gpu --no-first-run --disable-background-networking"
    with sync.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found,
            args=[*flags.split(), "--autoplay-policy=no-user-gesture-required"],
        )
        yield browser
        browser.close()


def until(page, condition):
    """Wait until the condition holds in the page, whose policy lets nothing be evaluated later."""
    for _ in range(300):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never came true: {condition}")


@pytest.fixture
def open_page(chromium):
    pages = []

    def opened(address):
        page = chromium.new_page(viewport={"width": 1200, "height": 800})
        page.troubles = []
        page.on("pageerror", lambda error: page.troubles.append(str(error)))
        page.goto(address)
        pages.append(page)
        return page

    yield opened
    for page in pages:
        assert page.troubles == []
        page.close()


@pytest.fixture
def served(tmp_path):
    """A page of 40 words with a recording, and the file that it saves to."""
    import numpy as np
    import soundfile

    path, sound = tmp_path / "call.json", tmp_path / "call.wav"
    words.write(talk(40), path)
    soundfile.write(sound, 0.1 * np.sin(np.arange(21 * 16000) / 20), 16000)
    with serving(Review(path, sound)) as address:
        yield address, path


@contextmanager
def serving(review):
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(application(review, "s"), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/s/"
    server.should_exit = True
    thread.join()


def follows(given, indices):
    """A teacher's answer: once a word of B's is ruled to be A's, five more; a question of two words
    as long as nobody has ruled of them; a name, and two voices that are one."""
    ruled = [place for place, index in enumerate(indices) if given[index].get("rulings")]
    more = [place for place in range(25, 30) if given[indices[place]]["speaker"] == "B"]
    ask = [place for place in (12, 13) if place not in ruled]
    names = {word["speaker"] for word in given}
    return {
        "proposals": [
            {
                "before": "B", "after": "A", "why": "voice", "confidence": 0.9,
                "words": more, "start": 12.5, "quote": "word25 word26 …",
            }
        ] if ruled and more else [],
        "question": {
            "words": ask, "start": 6.0, "end": 6.9, "quote": "word12 word13",
            "settles": 7.0, "likely": [["B", 0.8]],
        } if ask else None,
        "names": [
            {"speaker": "B", "name": "Helen", "word": 5, "start": 2.5, "quote": "this is Helen",
             "heard": 1}
        ] if "B" in names else [],
        "pairs": [
            {"one": "B", "other": "A", "likeness": 0.9, "hear": [[2.5, 3.0], [0.0, 0.5]],
             "words": [[5], [0]]}
        ] if "B" in names else [],
    }  # fmt: skip


@pytest.mark.slow
def test_a_ruling_teaches_by_keyboard(open_page, chromium, tmp_path):
    """Rule, see what follows, accept, undo, be asked, name, merge: and the file holds it."""
    import numpy as np
    import soundfile

    path, sound = tmp_path / "call.json", tmp_path / "call.wav"
    words.write(talk(40), path)
    soundfile.write(sound, 0.1 * np.sin(np.arange(21 * 16000) / 20), 16000)
    with serving(Review(path, sound, None, follows)) as address:
        page = open_page(address)
        press = page.keyboard.press
        state = page.locator("#teach p")
        for _ in range(5):
            press("ArrowRight")
        press("1")  # word5, which was B's
        until(page, "document.querySelector('#teach p').textContent.startsWith('5 more words')")
        press("y")
        until(page, "document.querySelector('#teach p').textContent.startsWith('Nothing')")
        assert page.locator("#words .w.changed").count() == 6
        press("u")
        until(page, "document.querySelector('#teach p').textContent.startsWith('5 more words')")
        assert page.locator("#words .w.changed").count() == 1
        press("x")
        assert state.text_content().startswith("Nothing")
        press("Shift+U")
        assert page.locator("#words .w.changed").count() == 6
        until(page, "document.querySelector('#teach p').textContent.startsWith('Nothing')")
        press("q")
        assert page.locator(".w.chosen").count() == 2
        press("a")
        until(page, "!document.querySelector('#teach').textContent.includes('To ask next')")
        page.get_by_role("button", name="Call B Helen").focus()
        press("Enter")
        until(page, "!document.querySelector('#teach').textContent.includes('Helen')")
        assert "Helen" in page.locator("#words h2").nth(1).text_content()
        with page.expect_response("**/save?*") as answer:
            press("Control+s")
        assert answer.value.ok
        until(page, "document.getElementById('unsaved').textContent === 'saved'")
        after = words.read(path)
        assert [[act.kind, act.words] for act in rulings.acts(after)] == [
            ["name", 14], ["word", 1], ["like", 5], ["turn", 2]
        ]  # fmt: skip
        for _ in range(4):
            after = rulings.undo(after)
        assert after == talk(40)


@pytest.mark.slow
def test_a_voice_is_remembered_and_its_name_offered_by_keyboard(open_page, voiced, tmp_path):
    """Name somebody, say that she agrees, open the next recording, and be offered the name."""
    import numpy as np
    import soundfile

    sound, library = tmp_path / "call.wav", tmp_path / "voices.json"
    soundfile.write(sound, 0.1 * np.sin(np.arange(21 * 16000) / 20), 16000)
    for name in ("monday", "tuesday"):
        words.write(talk(40), tmp_path / f"{name}.json")

    def review(name):
        known = KnownVoices(library, sound)
        return serving(Review(tmp_path / f"{name}.json", sound, None, follows, known))

    state = "document.querySelector('#known p').textContent"
    with review("monday") as address:
        page = open_page(address)
        press = page.keyboard.press
        until(page, f"{state} === 'Nobody of them is known by voice.'")
        page.locator(".who input").nth(1).focus()
        page.keyboard.press("Control+a")
        page.keyboard.type("Ann")
        press("Enter")
        page.locator("#known summary").focus()
        press("Enter")
        press("Tab")
        page.keyboard.type("Ann")  # chooses her in the list
        press("Tab")
        assert page.locator("#remember").is_disabled()
        label = page.locator("#known label").nth(1).text_content()
        assert label.strip() == f"Ann agrees that this voice is kept in {library}"
        assert not library.exists()
        press(" ")
        press("Tab")
        press("Enter")
        until(page, f"{state}.includes('are remembered in')")
        assert not page.locator("#consent").is_checked()  # the next one is asked for anew
        with page.expect_response("**/save?*"):
            press("Control+s")
    with review("tuesday") as address:
        page = open_page(address)
        offer = page.get_by_role("button", name="Call B Ann")
        offer.wait_for()
        assert "B sounds like Ann (" in page.locator("#known").text_content()
        assert "Ann" not in page.locator("#words").text_content()
        offer.focus()
        page.keyboard.press("Enter")
        assert "Ann" in page.locator("#words h2").nth(1).text_content()
        assert page.locator("#known li").count() == 0
        page.keyboard.press("u")
        assert page.locator("#known li").count() == 1


@pytest.mark.slow
def test_what_follows_is_legible_in_both_themes(open_page, tmp_path):
    words.write(talk(40), tmp_path / "call.json")
    with serving(Review(tmp_path / "call.json", None, None, follows)) as address:
        page = open_page(address)
        page.keyboard.press("2")
        until(page, "document.querySelector('#teach p').textContent.startsWith('5 more words')")
        page.get_by_role("button", name="B is A").click()
        until(page, "!document.querySelector('#teach').textContent.includes('sound like one')")
        assert page.locator("#speakers small").nth(1).text_content() == "0"
        page.keyboard.press("u")
        until(page, "document.querySelector('#teach').textContent.includes('sound like one')")
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            page.screenshot(path=tmp_path / f"{theme}.png")
        for width in (1200, 390):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
def test_on_a_telephone_no_button_is_out_of_sight(open_page, served):
    page = open_page(served[0])
    for width in (400, 360):
        page.set_viewport_size({"width": width, "height": 800})
        outside = page.evaluate(
            """() => [...document.querySelectorAll("#tools button, #tools input")].filter((it) => {
              const { width, left, right, bottom } = it.getBoundingClientRect();
              return width && (left < 0 || right > innerWidth || bottom > innerHeight);
            }).map((it) => it.textContent || it.id)"""
        )
        assert outside == []


@pytest.mark.slow
def test_the_next_uncertain_word_has_an_end(open_page, served):
    page = open_page(served[0])
    count = int(page.locator("#which-uncertain").text_content().split()[-1])
    for _ in range(count - 1):  # the first word is one, and chosen
        page.keyboard.press("n")
        assert page.locator("#told").text_content() == ""
    assert page.locator("#which-uncertain").text_content() == f"{count} of {count}"
    page.keyboard.press("n")
    assert page.locator("#told").text_content() == "That was the last; from the beginning again."
    page.keyboard.press("Shift+N")
    assert page.locator("#told").text_content() == "That was the first; from the end again."


@pytest.mark.slow
def test_the_page_by_keyboard(open_page, served):
    address, path = served
    page = open_page(address)
    before = words.read(path)
    press = page.keyboard.press
    told = page.locator("#told")

    press("n")  # the least certain words are every fiftieth place's
    assert page.get_attribute("#words", "aria-activedescendant") == "w1"
    press("2")
    assert told.text_content() == "“word1”: B"
    assert page.locator("#w1").get_attribute("aria-label") == "word1, was A, looked at"
    press("u")
    assert page.locator("#w1.changed").count() == 0
    press("Shift+U")
    press("ArrowDown")
    assert page.locator("#words h2").count() == 8 + 2
    press("s")  # split: what is left of the turn joins the words of B about it
    press("2")
    assert page.locator("#words h2").count() == 8
    press("c")
    press("r")
    assert page.locator("#w3.changed").count() == 0
    assert page.locator("#words h2:not([role=presentation])").count() == 0  # not in a listbox
    assert page.locator("#words h2").count() == 8 + 2
    field = page.locator(".who input").first
    field.fill("Ann")
    press("Enter")
    assert page.locator("#words h2").first.text_content().startswith("Ann")
    field.fill("B")
    press("Enter")
    assert "already" in told.text_content()
    page.locator("#search").fill("word20 word21")
    press("Enter")
    assert page.get_attribute("#words", "aria-activedescendant") == "w20"
    press("Escape")
    press("a")
    assert page.locator("#unsaved").text_content() == "not saved"
    with page.expect_response("**/save?*") as answer:
        press("Control+s")
    assert answer.value.ok
    until(page, "document.getElementById('unsaved').textContent === 'saved'")
    after = words.read(path)
    for old, new in zip(before, after, strict=True):
        assert [new[key] for key in KEPT] == [old[key] for key in KEPT]
    assert {word["speaker"] for word in after} == {"Ann", "B"}
    assert after[20]["reviewed"] is True
    with page.expect_download() as download:
        page.select_option("#export", "srt")
    assert download.value.suggested_filename == "call.srt"
    assert "Ann: word0" in Path(download.value.path()).read_text()


@pytest.mark.slow
def test_what_is_edited_while_a_save_is_on_its_way_is_not_saved(open_page, served):
    address, path = served
    page = open_page(address)
    page.route("**/save?*", lambda route: (time.sleep(0.5), route.continue_()))
    page.keyboard.press("2")
    with page.expect_response("**/save?*"):
        page.keyboard.press("Control+s")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("2")
    until(page, "document.getElementById('told').textContent === 'Saved.'")
    assert page.locator("#unsaved").text_content() == "not saved"
    assert [word["speaker"] for word in words.read(path)[:2]] == ["B", "A"]
    with page.expect_response("**/save?*") as answer:  # the page knows the file's new version
        page.keyboard.press("Control+s")
    assert answer.value.ok
    assert [word["speaker"] for word in words.read(path)[:2]] == ["B", "B"]


@pytest.mark.slow
def test_the_page_by_touch_alone(open_page, served):
    page = open_page(served[0])
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.click("#uncertain")
    assert page.get_attribute("#words", "aria-activedescendant") == "w1"
    assert page.locator("#w1").bounding_box()["y"] < page.locator("#tools").bounding_box()["y"]
    page.get_by_role("button", name="Give the chosen words to B").click()
    assert page.locator("#w1.changed").count() == 1
    assert page.locator("#told").is_visible()
    page.get_by_role("button", name="Revert").click()
    assert page.locator("#w1.changed").count() == 0
    page.get_by_role("button", name="Undo").click()
    assert page.locator("#told").text_content() == "Undone: “word1”: as the first pass had it"
    page.click("#w7")
    page.get_by_role("button", name="Split").click()
    page.get_by_role("button", name="Give the chosen words to A").click()
    assert page.locator("#words h2").nth(4).text_content().startswith("A")
    page.get_by_role("button", name="Merge").click()
    page.get_by_role("button", name="Accept").click()


@pytest.mark.slow
def test_words_are_chosen_by_dragging_and_copied(open_page, served):
    page = open_page(served[0])
    assert page.locator("#which-uncertain").text_content() == "1 of 2"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.locator("#which-uncertain").text_content() == "2"
    first, last = (page.locator(f"#w{place}").bounding_box() for place in (2, 6))
    page.mouse.move(first["x"] + 5, first["y"] + 5)
    page.mouse.down()
    page.mouse.move(last["x"] + 5, last["y"] + 5, steps=8)
    page.mouse.up()
    assert page.locator(".w.chosen").count() == 5
    assert page.evaluate("document.getElementById('audio').paused")  # a click would play
    copied = """() => {
        const clipboardData = new DataTransfer();
        const event = new ClipboardEvent("copy", {clipboardData, bubbles: true});
        document.dispatchEvent(event);
        return clipboardData.getData("text/plain");
    }"""
    assert page.evaluate(copied) == "A: word2 word3 word4\nB: word5 word6"
    page.keyboard.press("1")
    assert page.locator("#words h2").nth(0).text_content().startswith("A")
    assert page.locator("#words .w.changed").count() == 2
    assert page.locator("#which-changed").text_content() == "2 of 2"


@pytest.mark.slow
def test_a_word_is_corrected_by_hand_and_marked(open_page, served):
    address, path = served
    page = open_page(address)
    page.locator("#w3").dblclick()
    field = page.locator("input.write")
    field.fill("  Müller ")
    page.keyboard.press("Enter")
    assert page.locator("#w3.written").text_content() == "Müller"
    assert "written by hand for “word3”" in page.locator("#w3").get_attribute("title")
    assert "1 corrected by hand" in page.locator("#summary").text_content()
    page.keyboard.press("e")
    page.locator("input.write").fill(" ")
    page.keyboard.press("Enter")
    assert "cannot be taken away" in page.locator("#told").text_content()
    page.keyboard.press("e")
    page.locator("input.write").fill("no")
    page.keyboard.press("Escape")
    assert page.locator("#w3").text_content() == "Müller"
    with page.expect_response("**/save?*"):
        page.keyboard.press("Control+s")
    until(page, "document.getElementById('unsaved').textContent === 'saved'")
    after = words.read(path)
    assert after[3] == talk(40)[3] | {"words": "Müller", "words_before": "word3"}
    page.keyboard.press("u")  # and back, as if nothing had been
    with page.expect_response("**/save?*"):
        page.keyboard.press("Control+s")
    until(page, "document.getElementById('told').textContent === 'Saved.'")
    assert words.read(path) == talk(40)


@pytest.mark.slow
def test_a_page_without_a_server_exports_for_people(chromium, tmp_path):
    given = talk(12, ("A", "A speaker of a name that is far too long for any bar, " * 3))
    (tmp_path / "page.html").write_text(document("call.json", given, range(12)))
    page = chromium.new_page(viewport={"width": 800, "height": 600}, accept_downloads=True)
    page.goto((tmp_path / "page.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 800
    assert page.locator("#export option").all_text_contents()[1:] == [
        "Text with names and times (.txt)",
        "Subtitles (.srt)",
        "Word document (.docx)",
    ]
    for kind, name in (("otter", "call.txt"), ("srt", "call.srt"), ("docx", "call.docx")):
        with page.expect_download() as download:
            page.select_option("#export", kind)
        assert download.value.suggested_filename == name
    page.close()


@pytest.mark.slow
def test_a_page_of_another_tools_file_downloads_under_another_name(chromium, tmp_path):
    """What it downloads is a word transcript, and would be taken for the tool's own."""
    for source, name in (("whisperx.json", "whisperx.words.json"), ("words.json", "words.json")):
        given = tmp_path / source
        if source == "words.json":
            words.write(talk(12), given)
        else:
            given.write_bytes((SAMPLES / source).read_bytes())
        write_page(given, None, tmp_path / "page.html")
        page = chromium.new_page(accept_downloads=True)
        page.goto((tmp_path / "page.html").as_uri())
        with page.expect_download() as download:
            page.click("#save")
        assert download.value.suggested_filename == name
        until(page, "document.getElementById('told').textContent.includes('stays as it was')")
        page.close()


@pytest.mark.slow
def test_what_is_typed_after_adding_a_speaker_is_the_name(open_page, served):
    page = open_page(served[0])
    page.get_by_role("button", name="Add a speaker").click()
    page.keyboard.type("Maria")
    page.keyboard.press("Enter")
    assert page.locator("#speakers input").last.input_value() == "Maria"
    assert page.locator("#words .w.changed").count() == 0


@pytest.mark.slow
def test_work_is_not_trapped_where_the_program_has_ended(open_page, served):
    page = open_page(served[0])
    page.keyboard.press("2")
    page.route("**/*", lambda route: route.abort())
    page.keyboard.press("Control+s")
    until(page, "document.getElementById('unsaved').textContent.includes('has ended')")
    for kind, name in (("otter", "call.txt"), ("srt", "call.srt"), ("docx", "call.docx")):
        with page.expect_download() as download:
            page.select_option("#export", kind)
        assert download.value.suggested_filename == name
    page.select_option("#export", "words")
    until(page, "document.getElementById('unsaved').textContent.startsWith('not exported')")


@pytest.mark.slow
def test_the_next_uncertain_word_is_what_plays(open_page, served):
    page = open_page(served[0])
    until(page, "document.getElementById('audio').readyState >= 1")
    page.click("#uncertain")
    place = int(page.locator(".w.chosen").get_attribute("id")[1:])
    assert page.evaluate("document.getElementById('audio').currentTime") == pytest.approx(
        words.read(served[1])[place]["start_time"]
    )
    assert page.evaluate("document.activeElement.id") == "words"


@pytest.mark.slow
def test_the_sound_goes_back_and_faster(open_page, served):
    page = open_page(served[0])
    until(page, "document.getElementById('audio').readyState >= 1")
    page.evaluate("document.getElementById('audio').currentTime = 12")
    page.keyboard.press("b")
    assert page.evaluate("document.getElementById('audio').currentTime") == 7
    page.keyboard.press(">")
    assert page.evaluate("document.getElementById('audio').playbackRate") == 1.25
    page.select_option("#speed", "0.5")
    assert page.evaluate("document.getElementById('audio').playbackRate") == 0.5


@pytest.mark.slow
def test_a_click_plays_from_the_word(open_page, served):
    page = open_page(served[0])
    until(page, "document.getElementById('audio').readyState >= 1")
    page.click("#w16")
    until(page, "document.getElementById('audio').currentTime > 8.1")
    assert page.evaluate("document.getElementById('audio').currentTime") < 12
    assert page.locator(".w.now").count() == 1
    page.click("#play")
    assert page.evaluate("document.getElementById('audio').paused")


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(case=reviewed())
def test_the_page_writes_what_the_server_would(chromium, case):
    """Without a server the page itself puts the edits into the file: byte for byte the same."""
    given, indices, edits = case
    page = chromium.new_page()
    with tempfile.TemporaryDirectory() as folder:
        words.write(given, Path(folder) / "in.json")
        given = words.read(Path(folder) / "in.json")
        page.set_content(document("call", given, indices))
        made = page.evaluate(
            """(edits) => {
                const data = JSON.parse(document.getElementById("data").textContent);
                const talk = new Conversation(data);
                talk.edits = () => edits;
                return talk.file(data.transcript, data.indices);
            }""",
            edits,
        )
        words.write(apply(given, indices, edits), Path(folder) / "out.json")
        assert made == (Path(folder) / "out.json").read_text(encoding="utf-8")
    page.close()


@pytest.mark.slow
def test_two_hours_without_lag(chromium, tmp_path):
    """20,000 words, a recording of two hours: a key takes less than a quarter of a second."""
    given = talk(20_000, ("A", "B", "C"))
    sound = PageAudio("data:audio/wav;base64,", 10_000.0, bytes(500_000))
    (tmp_path / "page.html").write_text(document("long", given, range(len(given)), sound, "save"))
    page = chromium.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    took = page.evaluate(
        """async () => {
            const frame = () =>
                new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
            const took = [];
            for (const key of ["n", "2", "ArrowDown", "n", "1", "u", "m", "u"]) {
                await frame();
                const began = performance.now();
                document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
                document.body.offsetHeight;
                took.push(performance.now() - began);
            }
            return took;
        }"""
    )
    page.close()
    assert sorted(took)[len(took) // 2] < 250, took


def test_files_of_one_stem_have_pages_of_their_own(tmp_path: Path) -> None:
    for name in ("call.json", "call.words.json"):
        words.write(talk(4), tmp_path / name)
    (tmp_path / "call.srt").write_text("1\n00:00:00,000 --> 00:00:02,000\nAnn: hello\n")
    assert main(["review", str(tmp_path), "--html", str(tmp_path / "pages")]) == 0
    pages = sorted(path.name for path in (tmp_path / "pages").iterdir())
    assert pages == ["call.json.html", "call.srt.html", "call.words.html"]


def test_a_page_is_not_called_like_an_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words.write(talk(4), tmp_path / "call.json")
    assert main(["review", "call.json", "--html", "-o", "page.html"]) == 2
    assert "--html page.html" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["call.json"]


def test_pages_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls, pages = tmp_path / "calls", tmp_path / "pages"
    for name in ("aws.json", "srt.srt"):
        (calls / name).parent.mkdir(exist_ok=True)
        (calls / name).write_bytes((Path(__file__).parent / "samples" / name).read_bytes())
    (calls / "bad.json").write_text("{")
    assert main(["review", str(calls)]) == 2
    assert "--html FOLDER" in capsys.readouterr().err
    assert main(["review", str(calls), "--html", str(pages), "--audio", str(calls / "x.wav")]) == 2
    assert "name a folder with one for each" in capsys.readouterr().err and not pages.exists()
    assert main(["review", str(calls), "--html", str(pages), "--audio", str(calls)]) == 2
    told = capsys.readouterr().err.splitlines()
    assert sorted(path.name for path in pages.iterdir()) == ["aws.html", "srt.html"]
    assert sum("a page without sound" in line for line in told) == 3
    assert f"seal: {calls / 'bad.json'}: " in told[2] and "1 of 3 could not be shown" in told[-1]
