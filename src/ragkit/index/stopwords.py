"""Words that say nothing of what a question is about; most of these are in none of Snowball's lists.

Only questions are rid of them: the index holds every word, so that "to be or not to be" is found.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["MORE_STOPWORDS"]

_TEXT = {
    "en": """
        a about above after again against all also although always am among an and any anyone anything are aren as at be
        because been before being below between both but by can cannot could couldn d did didn do does doesn doing don
        down during each else even ever every few for from further get gets getting give given goes going got had hadn
        has hasn have haven having he her here hers herself him himself his how however i if in into is isn it its
        itself just know let like ll many may me might mine more most much must mustn my myself need needn neither no
        nor not now of off often on once one ones only or other others otherwise ought our ours ourselves out over own
        per perhaps please quite rather re really s same say says see seem shall shan she should shouldn since so some
        something still such t tell than that the their theirs them themselves then there these they this those though
        through to too under until up upon us use used uses using usually ve very want was wasn way we well were weren
        what whatever when where whether which while who whom whose why will with within without won would wouldn yes
        yet you your yours yourself yourselves
    """,
    "de": """
        ab am bzw dass dessen eigentlich gab gibt ggf heißt ja könnte könnten kannst lautet mal mehr möchte nein schon
        sollen viel viele vielen wann warum wem wen wer wessen weshalb wieso wieviel wodurch wofür womit woran worin
        wovon wozu wurde wurden z
    """,
    "es": """
        cual cuales cuando cuanta cuantas cuanto cuantos cuál cuáles cuándo cuánta cuántas cuánto cuántos cómo dónde
        puede pueden qué quien quienes quién quiénes
    """,
    "fr": """
        a combien comment d est-ce fait faut l lequel laquelle où peut pourquoi quand quel quelle quelles quels qui quoi
    """,
}

MORE_STOPWORDS: Mapping[str, frozenset[str]] = {language: frozenset(text.split()) for language, text in _TEXT.items()}
"""By language, as ISO 639-1."""
