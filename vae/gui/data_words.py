"""What was found in a folder of images, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae import groups
from vae.files import size_words
from vae.gui.labels import labelled
from vae.language import _, ngettext, number
from vae.reasons import reason_words
from vae.words import duration

if TYPE_CHECKING:
    from vae.estimate import Estimate
    from vae.events import Progress
    from vae.groups import Grouping
    from vae.sheet import Sheet
    from vae.survey import Survey

RATIOS = 3  # that are named
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
    """Which ratios of width to height there are, and how many images are stretched."""
    if not survey.sizes:
        return "–"
    if not survey.not_square:
        return _("all square")
    stretched = ngettext(
        "{count} of {total} is not square: it is stretched to a square",
        "{count} of {total} are not square: they are stretched to a square",
        survey.not_square,
    ).format(count=count(survey.not_square), total=count(survey.whole))
    return f"{_ratios(survey)}  ·  {stretched}"


def _ratios(survey: Survey) -> str:
    """The most frequent ones: "4:3 (812), 1:1 (190), 12 others"."""
    shown = survey.ratios[:RATIOS]
    parts = [f"{_side(a)}:{_side(b)} ({count(images)})" for (a, b), images in shown]
    if rest := survey.whole - sum(images for _ratio, images in shown):
        parts.append(ngettext("{count} other", "{count} others", rest).format(count=count(rest)))
    return ", ".join(parts)


def _side(value: float) -> str:
    return number(value, ",.9g")


def colour(survey: Survey | None, sheet: Sheet | None) -> str:
    """Whether the images have colour, as far as headers and the decoded ones tell."""
    if survey and survey.whole and survey.decoded == survey.saved_colour:
        return _colour_of_all(survey)
    if survey and survey.decoded:
        return _colour_of_some(survey, sheet)
    return _colour_below(sheet) if sheet and sheet.shown else "–"


def _colour_of_all(survey: Survey) -> str:
    """Where each file that is saved as colour was decoded."""
    if not survey.coloured:
        return _("grey, in all {count} images").format(count=count(survey.whole))
    if survey.coloured == survey.whole:
        return _("colour, in all {count} images").format(count=count(survey.whole))
    return ngettext(
        "{count} of {total} images has colour, the others are grey",
        "{count} of {total} images have colour, the others are grey",
        survey.coloured,
    ).format(count=count(survey.coloured), total=count(survey.whole))


def _colour_of_some(survey: Survey, sheet: Sheet | None) -> str:
    """Where some of those files were decoded, and maybe others of them for the sheet."""
    coloured, decoded = survey.coloured, survey.decoded
    if not coloured and sheet and sheet.coloured:
        coloured, decoded = sheet.coloured, sheet.shown
    saved = _("all {total} images are saved as colour")
    if survey.saved_grey:
        saved = ngettext(
            "{count} of {total} images is saved as colour",
            "{count} of {total} images are saved as colour",
            survey.saved_colour,
        )
    found = ngettext(
        "{count} of the {total} that were decoded has it",
        "{count} of the {total} that were decoded have it",
        coloured,
    )
    if coloured == decoded:
        found = _("all {total} that were decoded have it")
    if not coloured:
        found = _("the {total} that were decoded are grey")
    texts = (
        saved.format(count=count(survey.saved_colour), total=count(survey.whole)),
        found.format(count=count(coloured), total=count(decoded)),
    )
    return "; ".join(texts)


def colour_lost() -> str:
    """What becomes of colour where the network has one channel."""
    return _("Colour will be lost: the network sees all images in grey.")


def patients(grouping: Grouping) -> str:
    """Of which patients the names tell, and what keeps each on one side of the split."""
    return labelled(groups.words(grouping))


def _colour_below(sheet: Sheet) -> str:
    """As far as the contact sheet tells."""
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
    if not estimate.seconds:
        return _("measured in the first epoch")
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
