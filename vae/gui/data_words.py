"""What was found in a folder of images, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae.files import size_words
from vae.gui.labels import labelled
from vae.language import _, ngettext, number
from vae.reasons import reason_words
from vae.words import duration

if TYPE_CHECKING:
    from vae.estimate import Estimate
    from vae.events import Progress
    from vae.sheet import Sheet
    from vae.survey import Survey

DARK = 64  # of 255: what is never brighter is no image meant to be seen


def count(value: int) -> str:
    """A whole number: "1,200"."""
    return number(value, ",d")


def looking(progress: Progress | None) -> str:
    """How far a look is."""
    if progress is None or not progress.done:
        return _("Looking at the images...")
    if progress.phase == "scan":
        return _("Looking for images... {done}").format(done=count(progress.done))
    text = {
        "look": _("Looking at the images... {done} of {total}"),
        "compare": _("Looking for copies... {done} of {total}"),
    }[progress.phase]
    return text.format(done=count(progress.done), total=count(progress.total))


def checked(survey: Survey, sheet: Sheet | None) -> str:
    """What was looked at: damage further inside a file is found only when it is decoded."""
    headers = ngettext(
        "Checked: the header of {count} file",
        "Checked: the headers of {count} files",
        survey.files,
    )
    decoded = sheet.shown + len(sheet.refused) if sheet else 0
    inside = ngettext("{count} image in full", "{count} images in full", decoded)
    return f"{headers.format(count=count(survey.files))}, {inside.format(count=count(decoded))}."


def images(survey: Survey) -> str:
    """How many images, in which formats; files whose headers cannot be read count elsewhere."""
    formats = ", ".join(f"{name} {count(files)}" for name, files in survey.formats)
    return f"{count(survey.whole)}  ·  {formats}" if formats else count(survey.whole)


def sizes(survey: Survey) -> str:
    """Width and height of the images."""
    texts = [f"{width} x {height}" for width, height in survey.sizes]
    if not texts:
        return "–"
    if len(set(texts)) == 1:
        return _("all {size}").format(size=texts[0])
    text = _("smallest {smallest}, median {median}, largest {largest}")
    return text.format(smallest=texts[0], median=texts[1], largest=texts[2])


def shape(survey: Survey) -> str:
    """How many images are stretched."""
    if not survey.sizes:
        return "–"
    if not survey.not_square:
        return _("all square")
    return ngettext(
        "{count} of {total} is not square: it is stretched to a square",
        "{count} of {total} are not square: they are stretched to a square",
        survey.not_square,
    ).format(count=count(survey.not_square), total=count(survey.whole))


def colour(sheet: Sheet) -> str:
    """Whether the images have colour, as far as the decoded ones tell."""
    if not sheet.shown:
        return "–"
    if not sheet.coloured:
        return _("grey, in all {count} images below").format(count=sheet.shown)
    if sheet.coloured == sheet.shown:
        return _("colour, in all {count} images below").format(count=sheet.shown)
    return ngettext(
        "{count} of the {total} images below has colour, the others are grey",
        "{count} of the {total} images below have colour, the others are grey",
        sheet.coloured,
    ).format(count=sheet.coloured, total=sheet.shown)


def memory(estimate: Estimate) -> str:
    """The memory that training needs."""
    if not estimate.memory:
        return "–"
    return _("about {size}").format(size=size_words(estimate.memory))


def epoch_time(estimate: Estimate) -> str:
    """The time that an epoch takes, or why that is not known."""
    if estimate.problem:
        return labelled(estimate.problem)
    time = _("less than 1 s")
    if estimate.seconds >= 1:
        time = _("about {time}").format(time=duration(estimate.seconds))
    text = _("{time} on this computer ({device})")
    if estimate.run:
        text = _("{time}, as in the run of {moment} ({device})")
    return text.format(time=time, device=estimate.device, moment=estimate.run)


def sheet_caption(sheet: Sheet) -> str:
    """What the contact sheet shows."""
    kind = _("grey") if sheet.channels == 1 else _("colour")
    text = ngettext(
        "{count} image as the network sees it: {size} x {size}, {kind}",
        "{count} images, spread evenly, as the network sees them: {size} x {size}, {kind}",
        sheet.shown,
    )
    return text.format(count=sheet.shown, size=sheet.size, kind=kind)


def all_decoded(survey: Survey | None, sheet: Sheet | None) -> bool:
    """Whether no file is left in which damage could hide."""
    if survey is None or sheet is None:
        return False
    return sheet.shown + len(sheet.refused) >= survey.files


def _refused_words(refused: int, all_known: bool) -> str:
    if all_known:
        text = ngettext("{count} file cannot be used", "{count} files cannot be used", refused)
    else:
        text = ngettext(
            "At least {count} file cannot be used", "At least {count} files cannot be used", refused
        )
    return text.format(count=count(refused))


def trouble(survey: Survey | None, sheet: Sheet | None) -> tuple[str, list[str]]:
    """Files that cannot be used, copies, and images too dark: a headline and one line each."""
    unreadable = dict(survey.unreadable) if survey else {}
    refused = survey.refused if survey else 0
    for name, reason in sheet.refused if sheet else ():
        refused += name not in unreadable
        unreadable.setdefault(name, reason)
    lines = [f"{name} {reason_words(reason)}" for name, reason in unreadable.items()]
    heads = []
    if refused:
        heads.append(_refused_words(refused, all_decoded(survey, sheet)))
    if refused > len(lines):
        more = _("and {count} more")
        lines.append(more.format(count=count(refused - len(lines))))
    if survey and survey.copies:
        text = ngettext("{count} is a copy", "{count} are copies of others", survey.copies)
        heads.append(text.format(count=count(survey.copies)))
        lines += [_("same content: {names}").format(names=", ".join(g)) for g in survey.duplicates]
    if sheet and sheet.shown and sheet.brightest < DARK:
        text = _("no value above {value} of 255")
        heads.append(text.format(value=sheet.brightest))
        lines.append(
            _(
                "The images below are nearly black. Values of 12 bits, saved with 16, lose most "
                "grey levels: save them over the whole range first."
            )
        )
    return "  ·  ".join(heads), lines
