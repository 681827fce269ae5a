"""What an auditor asks of a model, on one page: the same blocks become HTML and PDF."""

from typing import Any

from django.utils import timezone

from trackside.jobs import engines
from trackside.lab import (
    document_charts,
    document_data,
    reports,
    results_table,
    search_results,
)
from trackside.lab.comparison import shown, things
from trackside.lab.comparison_design import FACTS, in_words
from trackside.lab.document_blocks import pairs, points, table, text
from trackside.lab.entrants import Entrant
from trackside.lab.labels import learned_in_words
from trackside.lab.trouble import Refused
from trackside.saved_models.models import Version
from trackside.ui import words

Json = dict[str, Any]
DIFFICULT = 10  # confident mistakes that are named
FEW = 50  # rows of a class below which its figures vary a lot


def document(one: Entrant) -> Json:
    """`{"title", "lead", "made", "facts": [[name, value]], "sections": [{"title", "blocks"}]}`.

    Raises Refused where the report of the bundle cannot be read.
    """
    if not one.report:
        raise Refused(f"The report of {one.title} cannot be read: its bundle is not whole.")
    card = one.card.metrics.get(one.metric)
    parts = [
        ("Problem", _problem(one)),
        ("Data", document_data.data(one)),
        ("Train and test", document_data.split(one)),
        ("Handling of the inputs", document_data.inputs(one)),
        ("Algorithm", _algorithm(one)),
        ("Training", _training(one)),
        ("Metrics", _metrics(one)),
        ("Performance", document_charts.performance(one)),
        ("What the model looks at", document_charts.importance(one)),
        ("Diagnostics", _diagnostics(one)),
        ("Limits", _limits(one)),
        ("Versions and files", _versions(one)),
    ]
    return {
        "title": one.title,
        "lead": sentence(one),
        "made": f"{timezone.now():%Y-%m-%d %H:%M} UTC",
        "facts": [
            ["Model", f"{one.title}, {one.origin}"],
            ["Task", one.card.label],
            [card.label if card else one.metric, shown(one.metrics.get(one.metric), card)
             if card else str(one.metrics.get(one.metric))],
            ["Trained", f"{one.at:%Y-%m-%d %H:%M} UTC" if one.at else words.NOTHING],
            ["By", _person(one)],
        ],
        "sections": [{"title": title, "blocks": blocks} for title, blocks in parts if blocks],
    }  # fmt: skip


def sentence(one: Entrant) -> str:
    """How good it is, in words."""
    if one.card.data == "images":
        return reports.summary(one.report)
    return results_table.sentence(one.report)


def _person(one: Entrant) -> str:
    who = one.version.created_by if one.version else None
    who = who or (one.job.created_by if one.job else None)
    return str(who) if who else words.NOTHING


def _problem(one: Entrant) -> list[Json]:
    wish = one.card.metrics.get(one.metric)
    rows = [["Task", one.card.label], ["It", one.card.help[:1].lower() + one.card.help[1:]]]
    if one.target and one.card.data == "table":
        rows.append(["Target", one.target])
    if one.classes:
        rows.append(["Classes", ", ".join(one.classes)])
    if one.task == "two_class" and one.classes:
        rows.append(["Positive class", one.classes[-1]])
    if wish:
        rows.append(["Chosen by", f"{wish.label}. {wish.of(one.classes).definition}"])
    return [pairs(rows)]


def _algorithm(one: Entrant) -> list[Json]:
    said = in_words(one)
    blocks = []
    for section in ("Algorithm", "Training", "Weighting"):
        rows = [[name, value] for (title, name), value in said.items() if title == section]
        if rows:
            blocks.append(table(["Setting", "Value"], rows, caption=section))
    rows = [[name, value] for name, value in learned_in_words(one.facts, one.unit)]
    if rows:
        blocks.append(table(["What it became", "Value"], rows))
    card = one.card.metrics.get(one.metric)
    rows = [list(pair) for pair in search_results.rows_of(one.report, card)] if card else []
    if rows:
        blocks.append(table(["Search", "Value"], rows, caption="How its settings were found"))
    return blocks


def _training(one: Entrant) -> list[Json]:
    facts, job = one.facts, one.job
    rows = [[name, say(one)] for name, say in FACTS]
    told = (("By NVML", facts.get("nvml")), ("Saved model", facts.get("proof")))
    rows += [[name, str(found["why"])] for name, found in told if found]
    rows += [
        [
            "Ran as",
            f"{words.plural(facts.get('ranks') or 1, 'process,processes')} of "
            f"{words.plural(facts.get('threads') or 1, 'thread')}",
        ],
        ["Seed", in_words(one)["Data", "Seed"]],
    ]
    if facts.get("parameters"):
        count = f"{facts['parameters']:,}, of which {facts.get('trainable') or 0:,} were trained"
        rows.append(["Parameters", count])
    if job:
        rows.append(["Job", str(job.pk)])
    versions = [[name, str(value)] for name, value in (facts.get("versions") or {}).items()]
    return [pairs(rows), table(["Library", "Version"], versions)] if versions else [pairs(rows)]


def _metrics(one: Entrant) -> list[Json]:
    test = (one.report.get("test") or {}).get("metrics") or {}
    folds = one.report.get("folds") or {}
    cards = {name: card.of(one.classes) for name, card in one.card.metrics.items()}
    names = [name for name in cards if one.metrics.get(name) is not None]
    names.sort(key=lambda name: name != one.metric)
    head = ["Metric", "Value"]
    head += ["\u00b1 over the folds"] if folds else []
    head += ["On the test set"] if test else []
    rows = []
    for name in names:
        row = [cards[name].label, shown(one.metrics[name], cards[name])]
        row += [shown((folds.get(name) or {}).get("std"), cards[name])] if folds else []
        row += [shown(test.get(name), cards[name])] if test else []
        rows.append(row)
    where = "by cross-test" if one.report.get("split") == "folds" else "on the validation part"
    judged = one.report.get("images") or one.report.get("rows") or 0
    means = [[cards[name].label, _means(cards[name])] for name in names]
    return [
        text(f"Measured {where}: {judged:,} {things(one)}."),
        table(head, rows, right=1),
        table(["Metric", "What it means"], means),
    ]


def _means(card: Any) -> str:
    way = "Larger is better." if card.higher_is_better else "Smaller is better."
    return f"{card.definition} {way}"


def _diagnostics(one: Entrant) -> list[Json]:
    found = [str(each["text"]) for each in one.report.get("diagnostics") or []]
    mistakes = one.report.get("mistakes") or []
    blocks = [points(found)] if found else []
    if one.card.data == "table" and not found:
        blocks = [text("The checks after the training found nothing: no leaking column, no "
                       "overfit, rows enough.")]  # fmt: skip
    if mistakes:
        rows = [
            [str(each["path"]), str(each["true"]), str(each["predicted"]),
             words.percent(each.get("proba"))]
            for each in mistakes[:DIFFICULT]
        ]  # fmt: skip
        head = ["Picture", "True", "Predicted", "Probability"]
        blocks.append(table(head, rows, caption="The most confident mistakes", right=3))
    return blocks


def _limits(one: Entrant) -> list[Json]:
    """What the figures do not say; nothing here is a judgement of the use of the model."""
    what = things(one)
    judged = int(one.report.get("images") or one.report.get("rows") or 0)
    said = [
        f"The figures stand on {judged:,} {what} of one dataset. They hold for {what} that come "
        "about in the same way; when the data change, judge the model again.",
    ]
    if one.too_good:
        said.append(one.too_good)
    if not one.report.get("test"):
        chose = f"the best {one.unit}" + (
            " and the threshold" if one.report.get("threshold") is not None else ""
        )
        said.append(
            f"There was no test set: the {what} that give these figures may also have chosen "
            f"{chose}, so that they are a little too good."
        )
    if one.classes:
        said.append(
            f"It knows {len(one.classes)} classes and answers one of them to whatever it is given, "
            "also to what belongs to none."
        )
    if one.report.get("refit"):
        said.append(
            "The model that is deployed learned from the validation rows too, after a first one "
            "was judged by them. Only the figures of the test rows are its own."
        )
    if one.report.get("search"):
        said.append(_chosen(one.report))
    few = [name for name, count in _support(one) if count < FEW]
    if few:
        named = ", ".join(few[:8]) + (" and more" if len(few) > 8 else "")
        said.append(f"Fewer than {FEW} {what} judged {named}: what is said of them is uncertain.")
    if one.report.get("importance"):
        said.append(
            "Importance and partial dependence say what the model uses, not what causes the target."
        )
    said.append(
        "Fairness towards groups of people is not judged here: see the subpopulations of the "
        "results, where the data have such columns."
        if one.card.data == "table"
        else "Whether pictures of other cameras, light or people are read as well is not judged."
    )
    return [points(said)]


def _chosen(report: Json) -> str:
    """What a search does to the figures: it spoils those of the rows that judged its trials."""
    text = "Its settings are the best of several that were tried, "
    if report["search"].get("folds") and not report.get("folds"):
        return f"{text}judged within the training rows: no other row has chosen them."
    judge = "rows of the cross-test" if report.get("folds") else "validation rows"
    text += f"judged by the {judge}: the figures of these are a little too good"
    return f"{text}, those of the test rows are not." if report.get("test") else f"{text}."


def _support(one: Entrant) -> list[tuple[str, int]]:
    matrix = one.report.get("confusion") or []
    return [(name, sum(row)) for name, row in zip(one.classes, matrix, strict=False)]


def _versions(one: Entrant) -> list[Json]:
    rows = [
        [each.saved_model.name, str(each.number), "active" if each.active else "",
         f"{each.created_at:%Y-%m-%d %H:%M}"]
        for each in _deployed(one)
    ]  # fmt: skip
    blocks = []
    if rows:
        blocks.append(table(["Saved model", "Version", "State", "Since (UTC)"], rows))
    else:
        blocks.append(text("It is not deployed: no saved model has a version of it."))
    if one.version and one.version.parity:
        blocks.append(_engines(one.version))
    hashes = [[name, str(digest)] for name, digest in (one.told.get("sha256") or {}).items()]
    if hashes:
        caption = "The bundle's files; one with another SHA-256 is refused when it is opened"
        blocks.append(table(["File", "SHA-256"], hashes, caption=caption))
    return blocks


def _engines(version: Version) -> Json:
    """What predicted, or was kept from it, in place of the model's own library on the CPU."""
    rows = [
        [told["label"], str(told["device"]), words.thousands(told.get("rows")),
         words.number(told.get("difference")), f"{told['speed']:.1f}" if told["speed"] else "",
         str(told["why"])]
        for told in engines.lines(version.parity)
    ]  # fmt: skip
    head = ["Engine", "Device", "Rows compared", "Largest difference", "Times as fast", "Outcome"]
    return table(head, rows, caption="Scoring engines, compared with the model's own library")


def _deployed(one: Entrant) -> list[Version]:
    if one.version is not None:
        return list(one.version.saved_model.versions.order_by("-number")[:20])
    rows = Version.objects.filter(trained_model=one.model).select_related("saved_model")
    return list(rows.order_by("-pk")[:20])
