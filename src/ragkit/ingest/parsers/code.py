"""Source code and configuration files: the text as it is, headed by its symbols."""

from __future__ import annotations

import re

from ragkit.ingest.parsers.builder import TextBuilder
from ragkit.ingest.parsers.encoding import decode
from ragkit.parsed import Heading, Parsed
from ragkit.protocols import Source

__all__ = ["SourceCode"]

_MODIFIERS = (
    r"(?:(?:public|private|protected|internal|static|final|abstract|export|default|sealed|partial|async|unsafe|override"
    r"|open|suspend|virtual|synchronized|readonly|pub(?:\([\w:]+\))?)\s+)"
)
_CONTROL = r"(?!(?:if|for|while|switch|catch|return|else|do|with|new|await|throw|using|lock)\b)"
_SYMBOLS: dict[str, str] = {
    "python": r"^(?:[ ]{4}|\t)?(?:async\s+)?(?:def|class)\s+(\w+)",
    "javascript": r"^" + _MODIFIERS + r"*(?:function\*?|class|interface|enum|type|namespace)\s+(\w+)"
                  r"|^(?:export\s+)?const\s+(\w+)\s*=\s*(?:async\s*)?(?:\(|function)"
                  r"|^(?:[ ]{2}|[ ]{4}|\t)(?:(?:async|static|get|set|public|private|protected)\s+)*"
                  + _CONTROL + r"(\w+)\([^()\n]*\)[^{}();\n]*\{",
    "java": r"^(?:[ ]{2}|[ ]{4}|\t)?" + _MODIFIERS
            + r"*(?:class|interface|enum|record|struct|object|trait|extension|protocol|fun|func|def|data\s+class)"
            r"\s+(\w+)|^(?:[ ]{2}|[ ]{4}|\t)" + _MODIFIERS
            + r"+(?:<[^>\n]*>\s*)?(?:[\w.<>\[\],?]+\s+)?(\w+)\s*\([^;{}]{0,300}\)[^;{}()\n]*\{",
    "go": r"^func\s+(?:\([^)]*\)\s*)?(\w+)|^type\s+(\w+)",
    "rust": r"^(?:[ ]{4}|\t)?" + _MODIFIERS + r"*(?:fn|struct|enum|trait|mod|macro_rules!|type)\s+(\w+)"
            r"|^impl(?:<[^>\n]*>)?\s+([^{\n]+?)\s*\{",
    "c": r"^(?:struct|enum|union|class|namespace)\s+(\w+)[^;\n]*\{"
         r"|^(?!(?:return|else|if|for|while|switch|typedef|using|namespace)\b)"
         r"[A-Za-z_][\w:<>,*& \t]{0,120}?[ \t*&]([\w:~]+)\([^;{}]{0,400}\)[^;{}()]{0,60}\{",
    "ruby": r"^(?:[ ]{2})?(?:def|class|module)\s+([\w.:?!]+)",
    "php": r"^(?:[ ]{4}|\t)?" + _MODIFIERS + r"*(?:function|class|interface|trait|enum)\s+(\w+)",
    "shell": r"^(?:function\s+)?([\w-]+)\s*\(\)\s*\{",
    "sql": r"^(?:create|alter)\s+(?:or\s+replace\s+)?(?:unique\s+|temp(?:orary)?\s+|materialized\s+)*"
           r"(?:table|view|function|procedure|index|trigger|type|schema)\s+(?:if\s+not\s+exists\s+)?([\w.\"]+)",
    "yaml": r"^([\w.-]+):(?:\s|$)",
    "ini": r"^\[+([^\]\n]+)\]+",
    "none": r"(?!)",
}  # fmt: skip
_LANGUAGES: dict[str, str] = {
    ".py": "python", ".pyi": "python", ".js": "javascript", ".mjs": "javascript", ".cjs": "javascript",
    ".jsx": "javascript", ".ts": "javascript", ".tsx": "javascript", ".java": "java", ".kt": "java", ".scala": "java",
    ".cs": "java", ".swift": "java", ".go": "go", ".rs": "rust", ".c": "c", ".h": "c", ".cc": "c", ".cpp": "c",
    ".hpp": "c", ".cxx": "c", ".rb": "ruby", ".php": "php", ".sh": "shell", ".bash": "shell", ".zsh": "shell",
    ".sql": "sql", ".yaml": "yaml", ".yml": "yaml", ".toml": "ini", ".ini": "ini", ".cfg": "ini", ".conf": "ini",
    ".properties": "none", ".r": "none", ".lua": "none", ".pl": "none", ".ps1": "none", ".dockerfile": "none",
    ".makefile": "none", ".tf": "none", ".proto": "java", ".graphql": "none", ".css": "none",
    ".svg": "none", ".xsl": "none", ".env": "none", ".diff": "none", ".patch": "none",
}  # fmt: skip
_DOC_TITLE = re.compile(
    r"\A(?:#![^\n]*\n)?\s*(?:[rR]?\"{3}|'{3}|/\*\*?)\s*\**\s*([^\n*\"']{3,120}?)[.\s]*(?:\n|\"{3}|'{3}|\*/)"
)


class SourceCode:
    """By the extension of its language; a language that is not known is text without headings.

    Rules a line instead of a grammar a language: they need no parser, also for code that is broken or of a new version.
    """

    name = "code/2"
    extensions = frozenset(_LANGUAGES)

    def parse(self, source: Source) -> Parsed:
        text = decode(source.data, name=source.name, encoding=source.options.get("encoding"))
        builder = TextBuilder()
        builder.lines(text)
        plain = builder.parsed(title="", media_type="").text
        extension = "." + source.name.rsplit(".", 1)[-1].lower()
        language = _LANGUAGES.get(extension, "none")
        said = _DOC_TITLE.match(plain)
        written = TextBuilder()
        written.verbatim(plain, _symbols(plain, language))
        return written.parsed(
            title=said.group(1).strip() if said else "",
            media_type=f"text/x-{language}" if language != "none" else "text/plain",
        )


def _symbols(text: str, language: str) -> list[Heading]:
    pattern = re.compile(_SYMBOLS[language], re.MULTILINE | (re.IGNORECASE if language == "sql" else 0))
    headings = []
    for match in pattern.finditer(text):
        title = next((group for group in match.groups() if group), "").strip()
        if title:
            # A member of a class stands further in than the class.
            level = 2 if match.group()[0] in " \t" else 1
            headings.append(Heading(level=level, title=title, start=match.start()))
    return headings
