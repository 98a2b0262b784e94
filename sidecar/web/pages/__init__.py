"""Pages for people: plain HTML that works without JavaScript, under a policy that allows none.

render.py    `render_page(request, "account/profile.html", status=200, **values)`: a page as an
             answer, with the headers of every page; its forms carry `csrf`, bound to a cookie that
             it sets.
../csrf.py   `judge_form(request, context, members.pop(CSRF_FIELD, None)) -> Deny | None`:
             CROSS_SITE is refused as ever, CSRF_TOKEN is the page again with 403, what was typed
             kept except passwords.
../errorpages.py  Whatever problem a handler answers or raises, a person sees as a page.
base.html    Blocks: `title`, `layout` (`narrow`: one sheet; `wide`: a bar, and sections of the
             class `sheet`), `nav` (`<nav aria-label=…><ul><li><a aria-current="page">`), `main`.
macros.html  `{% import "macros.html" as ui with context %}` first in each template, then
             ui.csrf_field(), ui.field(name, label, …, hint, error), ui.choice(…), ui.select(…),
             ui.button(label, kind), ui.link_button(href, label), ui.notice(text, kind),
             ui.table(caption, headings) by `call`.
message.html A title, sentences and links: `render_page(request, "message.html", title, texts,
             request_id=None, links=[(href, label)])`.
texts/       One file for each language; `say("login.throttled", seconds=9)` is how a template
             speaks, `context.pages.say` how code does. What is wrong with a new password is
             `password.<fault>`. A key that nothing names fails a test, and so does one that lacks.
"""
