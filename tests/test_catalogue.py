"""A catalogue loads complete, or says where it is broken; the one that comes with Hexapolis is sound."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from crawler.catalogue import BUNDLED, Catalogue, load_catalogue
from crawler.families import FAMILIES
from crawler.urls import canonical_url, is_fetchable
from hexapolis.errors import CatalogueError, UnknownSourceError, UsageError
from hexapolis.records import EntryPoint, JsonShape, Paging, Politeness, Selectors

Load = Callable[[str], Catalogue]
S = "sources[0]"
E = "sources[0].entry_points[0]"

MINIMAL = """\
sources:
  - id: my-source
    name: My source
    entry_points:
      - {type: list, url: "http://127.0.0.1:8000/news/index.html"}
"""


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def from_text(text: str) -> Catalogue:
        path = tmp_path / "catalogue.yaml"
        path.write_text(text, encoding="utf-8")
        return load_catalogue(path)

    return from_text


def with_lines(*lines: str) -> str:
    """The minimal catalogue with more fields, from line 6 on."""
    return MINIMAL + "".join(f"    {line}\n" for line in lines)


def with_entry(flow: str) -> str:
    return MINIMAL.replace('{type: list, url: "http://127.0.0.1:8000/news/index.html"}', flow)


@pytest.mark.parametrize(
    ("address", "delay"),
    [
        ("http://127.0.0.1:8000/", 0),
        ("http://localhost/", 0),
        ("http://[::1]:8000/", 0),
        ("http://10.0.0.1/", 5),
        ("http://localhost.example.org/", 5),
        ("https://www.example.org/", 5),
    ],
)
def test_nobody_waits_for_this_machine(load: Load, address: str, delay: float) -> None:
    (source,) = load(MINIMAL.replace("http://127.0.0.1:8000/news/index.html", address)).sources
    assert source.politeness.delay == delay
    (slow,) = load(with_lines("politeness: {delay: 2}")).sources
    assert slow.politeness.delay == 2


def test_five_lines_are_a_catalogue(load: Load) -> None:
    (source,) = load(MINIMAL).sources
    assert (source.id, source.name, source.scope, source.language, source.kind) == (
        "my-source", "My source", "national", "zh", "media"
    )  # fmt: skip
    assert source.enabled
    assert source.article_url is None
    assert source.selectors == Selectors()
    assert source.politeness == Politeness(delay=0)
    (entry,) = source.entry_points
    assert (entry.kind, entry.url, entry.paging) == (
        "list",
        "http://127.0.0.1:8000/news/index.html",
        Paging("none"),
    )


def test_every_field_arrives(load: Load) -> None:
    text = """\
version: 1
sources:
  - id: sz-demo
    name: Shenzhen demo
    name_zh: 深圳
    city_code: "440300"
    language: en
    kind: government
    family: nfcms
    article_url: 'post_\\d+'
    selectors: {title: h1, date: .when, author: .who}
    politeness: {delay: 8, max_pages: 12, robots: false}
    interval_minutes: 30
    access: >
      open to
      all
    evidence: [seen, twice]
    confidence: guessed
    enabled: false
    disabled_reason: moved
    entry_points:
      - type: list
        url: "https://x.cn/"
        item: li
        link: a
        date: i
        paging: {scheme: next_link, max_pages: 3}
      - {type: list, url: "https://x.cn/b/{page}.html", paging: template}
      - type: list
        url: "https://x.cn/c/"
        paging: {scheme: template, template: "index_{page}.shtml", first: 0}
      - {type: list, url: "https://x.cn/d/"}
      - {type: feed, url: "https://x.cn/feed"}
      - {type: sitemap, url: "https://x.cn/sitemap.xml"}
"""
    (source,) = load(text).sources
    assert (source.name_zh, source.city_code, source.scope, source.language) == (
        "深圳",
        "440300",
        "city",
        "en",
    )
    assert source.article_url == r"post_\d+"
    nfcms_body = FAMILIES["nfcms"].selectors.body
    assert source.selectors == Selectors(title="h1", body=nfcms_body, date=".when", author=".who")
    assert source.politeness == Politeness(delay=8, max_pages=12, robots=False)
    assert (source.interval_minutes, source.access, source.evidence) == (30, "open to all", ("seen", "twice"))
    assert (source.confidence, source.enabled, source.disabled_reason) == ("guessed", False, "moved")
    first, numbered, relative, inherited, feed, sitemap = source.entry_points
    assert (first.item, first.link, first.date) == ("li", "a", "i")
    assert first.paging == Paging("next_link", max_pages=3)
    assert numbered.url == "https://x.cn/b/1.html"
    assert numbered.paging == Paging("template", "https://x.cn/b/{page}.html")
    assert relative.url == "https://x.cn/c/"
    assert relative.paging == Paging("template", "https://x.cn/c/index_{page}.shtml", first=0)
    assert inherited.paging == Paging("one_based")
    assert (feed.kind, feed.paging, sitemap.kind, sitemap.paging) == (
        "feed",
        Paging("none"),
        "sitemap",
        Paging("none"),
    )


@pytest.mark.parametrize(
    ("text", "line", "field", "reason"),
    [
        ("", None, None, "begins with `sources:`"),
        ("[]", 1, None, "a catalogue is a mapping"),
        ("sources: []", 1, "sources", "at least 1 item"),
        ("sources: {a: 1}", 1, "sources", "must be a list"),
        ("sources:\n- 7", 2, "sources[0]", "must be a table of fields, not 7"),
        ("version: 2\n" + MINIMAL, 1, "version", "should be 1"),
        ("sauces: []\n" + MINIMAL, 1, "sauces", "did you mean sources?"),
        ("sources:\n  - id: a\n  name: b", 3, None, "not valid YAML"),
        ("sources: [\n{id: a]", 2, None, "not valid YAML"),
        ("a: 1\n---\nb: 2", 2, None, "single document"),
        ("sources: *nothing", 1, None, "undefined alias"),
        ("sources: !!python/object/apply:os.system [ls]", 1, "sources", "has no meaning here"),
        (with_lines("access: !!python/name:os.system x"), 6, f"{S}.access", "not a usable value"),
        (with_lines("access: 2024-13-45"), 6, f"{S}.access", "not a usable value"),
        (with_lines("access: \x07"), 6, None, "control character, U+0007"),
        (with_lines('access: "\\a"'), 6, f"{S}.access", "control character"),
        (with_lines("? [a, b]\n    : 1"), 6, "sources[0]", "must be a word"),
        (with_lines("kind: media", "kind: media"), 7, f"{S}.kind", "written twice (first on line 6)"),
        (MINIMAL.replace("name:", "nmae:"), 2, f"{S}.name", "required"),
        (MINIMAL.replace("    name: My source\n", ""), 2, f"{S}.name", "required"),
        (MINIMAL.replace("name: My source", "name:"), 3, f"{S}.name", "required"),
        (MINIMAL.replace("name: My source", 'name: "  "'), 3, f"{S}.name", "is empty"),
        (MINIMAL.replace("name: My source", "name: 2024"), 3, f"{S}.name", "not 2024; put it in quotes"),
        (MINIMAL.replace("my-source", "My Source"), 2, f"{S}.id", "small letters"),
        (MINIMAL.replace("my-source", "on"), 2, f"{S}.id", "must be text, not True"),
        (with_lines("famly: trs"), 6, f"{S}.famly", "did you mean family?"),
        (with_lines("colour: red"), 6, f"{S}.colour", "there are id, name"),
        (with_lines("family: trss"), 6, f"{S}.family", "did you mean trs?"),
        (with_lines("kind: goverment"), 6, f"{S}.kind", "did you mean government?"),
        (with_lines("scope: town"), 6, f"{S}.scope", "not one of city, province"),
        (with_lines("scope: city"), 2, f"{S}.city_code", "needs one"),
        (with_lines("language: zh-cn"), 6, f"{S}.language", "did you mean zh?"),
        (with_lines("confidence: high"), 6, f"{S}.confidence", "not one of"),
        (with_lines("city_code: 440300"), 6, f"{S}.city_code", "put it in quotes"),
        (with_lines('city_code: "4403"'), 6, f"{S}.city_code", "six digits"),
        (with_lines('city_code: "044030"'), 6, f"{S}.city_code", "six digits"),
        (with_lines("article_url: '(post'"), 6, f"{S}.article_url", "not a regular expression"),
        (with_lines("article_url: 'a{99999999999999999999}'"), 6, f"{S}.article_url", "not a regular"),
        (with_lines("selectors:", "  body: 'div[['"), 7, f"{S}.selectors.body", "not a CSS selector"),
        (with_lines("selectors: {date: 'a::text'}"), 6, f"{S}.selectors.date", "without ::text"),
        (with_lines("selectors: {body: 'x|div'}"), 6, f"{S}.selectors.body", "not a CSS selector"),
        (with_lines("selectors: {boddy: p}"), 6, f"{S}.selectors.boddy", "did you mean body?"),
        (with_lines("selectors: [p]"), 6, f"{S}.selectors", "must be a table of fields, not list"),
        (with_lines("politeness:", "  delay: -1"), 7, f"{S}.politeness.delay", "greater than or equal to 0"),
        (with_lines("politeness: {delay: .nan}"), 6, f"{S}.politeness.delay", "finite"),
        (with_lines("politeness: {delay: soon}"), 6, f"{S}.politeness.delay", "valid number, not str"),
        (with_lines("politeness: {robots: 0}"), 6, f"{S}.politeness.robots", "valid boolean, not 0"),
        (with_lines("politeness: {max_pages: 0}"), 6, f"{S}.politeness.max_pages", "greater than or equal"),
        (with_lines("interval_minutes: 0"), 6, f"{S}.interval_minutes", "greater than or equal to 1"),
        (with_lines("evidence: somewhere"), 6, f"{S}.evidence", "must be a list"),
        (with_lines("enabled: false"), 2, f"{S}.disabled_reason", "say why"),
        (with_lines("disabled_reason: x"), 6, f"{S}.disabled_reason", "the source is on"),
        (with_entry("{url: 'https://x.cn/'}"), 5, f"{E}.type", "required"),
        (with_entry("{type: list}"), 5, f"{E}.url", "required"),
        (with_entry("{type: rss, url: 'https://x.cn/'}"), 5, f"{E}.type", "did you mean feed?"),
        (with_entry("{type: wp-json, url: 'https://x.cn/'}"), 5, f"{E}.type", "did you mean wordpress?"),
        (with_entry("{type: api, url: 'https://x.cn/'}"), 5, f"{E}.type", "did you mean json?"),
        (with_entry("{type: hanweb, url: 'https://x.cn/'}"), 5, f"{E}.type", "did you mean jpage?"),
        (with_entry("{type: jpass, url: 'https://x.cn/'}"), 5, f"{E}.type", "did you mean jpaas?"),
        (with_entry("{type: list, url: 'ftp://x.cn/'}"), 5, f"{E}.url", "only http://"),
        (with_entry("{type: list, url: 'x.cn/a'}"), 5, f"{E}.url", "only http://"),
        (with_entry("{type: list, url: 'http://'}"), 5, f"{E}.url", "no readable host"),
        (with_entry("{type: list, url: 'http://u:p@x.cn'}"), 5, f"{E}.url", "password"),
        (with_entry("{type: list, url: 'http://x.cn/a b'}"), 5, f"{E}.url", "a blank"),
        (with_entry("{type: list, url: 'https://x.cn/{page}'}"), 5, f"{E}.url", "{page}"),
        (with_entry("{type: list, url: 'https://x.cn', paging: trs0}"), 5, f"{E}.paging.scheme",
         "did you mean zero_based?"),
        (with_entry("{type: list, url: 'https://x.cn', paging: template}"), 5, f"{E}.paging", "needs {page}"),
        (with_entry("{type: list, url: 'http://x.cn', paging: {scheme: template, template: 'ftp:{page}'}}"),
         5, f"{E}.paging", "only http://"),
        (with_entry("{type: list, url: 'https://x.cn', paging: {scheme: none, template: 'a{page}'}}"), 5,
         f"{E}.paging.template", "only the scheme `template`"),
        (with_entry("{type: feed, url: 'https://x.cn/', item: li}"), 5, f"{E}.item",
         "a feed has no such field; it belongs to list, json, jpage, jpaas"),
        (with_entry("{type: list, url: 'https://x.cn/', method: POST}"), 5, f"{E}.method", "belongs to json"),
        (with_entry("{type: list, url: 'https://x.cn/', shape: {}}"), 5, f"{E}.shape", "belongs to json"),
        (with_entry("{type: list, url: 'https://x.cn/', paging: stem_concat}"), 5, f"{E}.paging.scheme",
         "did you mean concat?"),
        (with_entry("{type: json, url: 'https://x.cn/', method: post}"), 5, f"{E}.method",
         "did you mean POST?"),
        (with_entry("{type: json, url: 'https://x.cn/', method: PUT}"), 5, f"{E}.method", "one of GET, POST"),
        (with_entry("{type: json, url: 'https://x.cn/', body: a=1}"), 5, f"{E}.body", "`method: POST`"),
        (with_entry("{type: json, url: 'https://x.cn/', method: POST, body: 'a=#1'}"), 5, f"{E}.body", "%23"),
        (with_entry("{type: json, url: 'https://x.cn/', method: POST, body: ''}"), 5, f"{E}.body",
         "is empty"),
        (with_entry("{type: json, url: 'https://x.cn/', method: POST, content_type: text/plain}"), 5,
         f"{E}.content_type", "there is no body"),
        (with_entry("{type: json, url: 'https://x.cn/', referer: x.cn}"), 5, f"{E}.referer", "only http://"),
        (with_entry("{type: json, url: 'https://x.cn/', referrer: 'https://x.cn/'}"), 5, f"{E}.referrer",
         "did you mean referer?"),
        (with_entry("{type: json, url: 'https://x.cn/', item: li}"), 5, f"{E}.item", "say in `shape`"),
        (with_entry("{type: json, url: 'https://x.cn/', paging: next_link}"), 5, f"{E}.paging",
         "`none` or `template`"),
        (with_entry("{type: json, url: 'https://x.cn/', paging: template}"), 5, f"{E}.paging",
         "write {page} where"),
        (with_entry("{type: json, url: 'https://x.cn/?p={page}', paging: none}"), 5, f"{E}.paging",
         "leave `none` out"),
        (with_entry("{type: json, url: 'https://x.cn/', paging: {scheme: template, template: '?p={page}'}}"),
         5, f"{E}.paging", "instead of a template"),
        (with_entry("{type: json, url: 'https://x.cn/{id}/{page}', shape: {rows: a..b}}"), 5,
         f"{E}.shape.rows", "is not a path"),
        (with_entry("{type: json, url: 'https://x.cn/', shape: {row: a}}"), 5, f"{E}.shape.row",
         "did you mean rows?"),
        (with_entry("{type: json, url: 'https://x.cn/', shape: {rows: 5}}"), 5, f"{E}.shape.rows",
         "must be text, not 5"),
        (with_entry("{type: json, url: 'https://x.cn/', shape: [rows]}"), 5, f"{E}.shape",
         "must be a table of fields"),
        (with_entry("{type: json, url: 'https://x.cn/', shape: {html: a, rows: b}}"), 5, f"{E}.shape.rows",
         "with html"),
        (with_entry("{type: json, url: 'https://x.cn/', shape: {html: a, date: b}}"), 5, f"{E}.shape.date",
         "with html"),
        (with_entry("{type: json, url: 'https://x.cn/', shape: {link: '/a/b.html'}}"), 5, f"{E}.shape.link",
         "neither a path in a row"),
        (with_entry("{type: json, url: 'https://x.cn/', shape: {link: '/a/{{id}}'}}"), 5, f"{E}.shape.link",
         "in single braces"),
        (with_entry("{type: json, url: 'https://x.cn/', shape: {link: '/a/{}'}}"), 5, f"{E}.shape.link",
         "in single braces"),
        (with_entry("{type: json, url: 'https://x.cn/', shape: {link: 'ftp://{id}'}}"), 5, f"{E}.shape.link",
         "only http://"),
        (with_entry("{type: gkmlpt, url: 'https://x.cn/index'}"), 5, f"{E}.url", "/gkmlpt/index"),
        (with_entry("{type: gkmlpt, url: 'https://x.cn/gkmlpt/index#news'}"), 5, f"{E}.url", "such as #123"),
        (with_entry("{type: gkmlpt, url: 'https://x.cn/gkmlpt/api?page={page}'}"), 5, f"{E}.url",
         "a gkmlpt finds its further pages itself"),
        (with_entry("{type: gkmlpt, url: 'https://x.cn/gkmlpt/index', item: li}"), 5, f"{E}.item",
         "a gkmlpt has no such field"),
        (with_entry("{type: wordpress, url: 'https://x.cn/', paging: one_based}"), 5, f"{E}.paging",
         "only max_pages may be set"),
        (with_entry("{type: jpaas, url: 'https://x.cn/', paging: {first: 2}}"), 5, f"{E}.paging",
         "only max_pages may be set"),
        (with_lines("content: full"), 6, f"{S}.content", "did you mean page?"),
        (with_lines("content: summary"), 6, f"{S}.content", "did you mean headline?"),
        (with_lines("content: feed"), 5, f"{E}.type", "this has to be a feed"),
        (with_lines("family: substack"), 5, f"{E}.type", "which the family substack brings"),
        (with_entry("{type: json, url: 'https://x.cn/'}") + "    content: feed\n", 5, f"{E}.type",
         "a json with shape.content"),
        (with_lines("family: wp"), 6, f"{S}.family", "did you mean wordpress?"),
        (with_lines("family: hanweb"), 6, f"{S}.family", "did you mean jpage?"),
        (with_lines("politeness: {robots_forbidden: ignore}"), 6, f"{S}.politeness.robots_forbidden",
         "did you mean allow?"),
        (with_lines("politeness: {robots_forbidden: true}"), 6, f"{S}.politeness.robots_forbidden",
         "must be text, not True"),
        (with_lines("politeness: {tls_p256: yes please}"), 6, f"{S}.politeness.tls_p256", "valid boolean"),
        (with_entry("{type: feed, url: 'https://x.cn/', itm: li}"), 5, f"{E}.itm", "did you mean item?"),
        (MINIMAL + MINIMAL.partition("\n")[2].replace("8000", "8001"), 6, "sources[1].id", "taken on line 2"),
        (MINIMAL + MINIMAL.partition("\n")[2].replace("my-source", "b"), 9, "sources[1].entry_points[0].url",
         "the same entry point as on line 5"),
        (MINIMAL + '      - {type: feed, url: "http://127.0.0.1:8000/news/index.html#x"}\n', 6,
         "sources[0].entry_points[1].url", "the same entry point as on line 5"),
        (with_entry("{type: gkmlpt, url: 'https://x.cn/gkmlpt/index#1'}")
         + "      - {type: gkmlpt, url: 'https://x.cn/gkmlpt/index#2'}\n", 6,
         "sources[0].entry_points[1].url", "as in #123,456"),
        (with_entry("{type: json, url: 'https://x.cn/', method: POST, body: a=1&b=2}")
         + "      - {type: json, url: 'https://x.cn/', method: POST, body: b=2&a=1}\n", 6,
         "sources[0].entry_points[1].url", "the same entry point as on line 5"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(
    load: Load, text: str, line: int | None, field: str | None, reason: str
) -> None:
    with pytest.raises(CatalogueError) as error:
        load(text)
    assert (error.value.line, error.value.field) == (line, field), str(error.value)
    assert reason in error.value.reason
    assert "\n" not in str(error.value)
    assert error.value.path.name == "catalogue.yaml"


def test_an_interface_arrives_whole(load: Load) -> None:
    (source,) = load(
        with_entry(
            "{type: json, url: 'https://x.cn/a?p={page}', "
            "paging: {scheme: template, first: 0, max_pages: 20}, method: POST, "
            "body: 'a=b&page={page}', referer: 'https://x.cn/', "
            "shape: {rows: data.list, html: null, link: '/post/{id}.html', title: t, date: d, modified: m, "
            "summary: s, content: c, pages: data.pageCount, total: data.total}}"
        )
        + "    content: feed\n    politeness: {robots_forbidden: allow, tls_p256: true}\n"
    ).sources
    assert source.entry_points == (
        EntryPoint(
            "json",
            "https://x.cn/a?p=0",
            Paging("template", "https://x.cn/a?p={page}", 0, 20),
            method="POST",
            body="a=b&page={page}",
            content_type="application/x-www-form-urlencoded",
            referer="https://x.cn/",
            shape=JsonShape(
                "data.list", None, "/post/{id}.html", "t", "d", "m", "s", "c", "data.pageCount", "data.total"
            ),
        ),
    )
    assert source.content == "feed"
    assert source.politeness == Politeness(robots_forbidden="allow", tls_p256=True)


@pytest.mark.parametrize(
    ("body", "content_type", "wanted"),
    [
        ("a=1", "", "application/x-www-form-urlencoded"),
        ('{"a": 1}', "", "application/json"),
        ("[1]", "", "application/json"),
        ("[1]", "content_type: text/plain", "text/plain"),
    ],
)
def test_a_body_says_what_it_is(load: Load, body: str, content_type: str, wanted: str) -> None:
    flow = f"{{type: json, url: 'https://x.cn/', method: POST, body: '{body}', {content_type}}}"
    (entry,) = load(with_entry(flow)).sources[0].entry_points
    assert entry.content_type == wanted
    assert entry.shape == JsonShape()


def test_entry_points_that_differ_in_their_request_stand_side_by_side(load: Load) -> None:
    more = (
        "      - {type: json, url: 'https://x.cn/api', method: POST, body: 'channel=2&page={page}'}\n"
        "      - {type: json, url: 'https://x.cn/api'}\n"
        "      - {type: wordpress, url: 'https://x.cn/'}\n"
        "      - {type: list, url: 'https://x.cn/'}\n"
    )
    first = "{type: json, url: 'https://x.cn/api', method: POST, body: 'channel=1&page={page}'}"
    assert len(load(with_entry(first) + more).sources[0].entry_points) == 5


def test_pages_of_their_own_and_inherited_ones_take_a_limit(load: Load) -> None:
    text = with_entry("{type: list, url: 'https://x.cn/a/', paging: {max_pages: 3}}") + (
        "      - {type: gkmlpt, url: 'https://x.cn/gkmlpt/index#1,22', paging: {max_pages: 4}}\n"
        "      - {type: jpaas, url: 'https://x.cn/col/col1/', item: li}\n"
        "      - {type: jpage, url: 'https://x.cn/col/col2/', item: li, link: a, date: span}\n"
        "      - {type: json, url: 'https://x.cn/j?p={page}', paging: {max_pages: 5}}\n"
        "    family: trs\n"
    )
    assert [entry.paging for entry in load(text).sources[0].entry_points] == [
        Paging("zero_based", max_pages=3),
        Paging("none", max_pages=4),
        Paging("none"),
        Paging("none"),
        Paging("template", "https://x.cn/j?p={page}", max_pages=5),
    ]


def test_a_family_may_bring_where_the_text_comes_from(load: Load) -> None:
    feed = with_entry("{type: feed, url: 'https://a.substack.com/feed'}")
    assert load(feed + "    family: substack\n").sources[0].content == "feed"
    assert load(feed + "    family: substack\n    content: headline\n").sources[0].content == "headline"
    assert load(feed).sources[0].content == "page"


def test_of_several_mistakes_the_first_in_the_file_is_named(load: Load) -> None:
    with pytest.raises(CatalogueError) as error:
        load(with_lines("kind: no", "colour: red").replace("name: My source", "name: ''"))
    assert error.value.line == 3


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (MINIMAL.encode("utf-16"), "not UTF-8"),
        (MINIMAL.replace("My source", "深圳").encode("gb18030"), "not UTF-8"),
        (b"#" * 5_000_001, "larger than 5 MB"),
        (b"sources: " + b"[" * 100_000, "nested"),
        (b"- " * 50_000, "nested"),
    ],
)
def test_files_that_are_no_catalogue_at_all(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(CatalogueError, match=reason):
        load_catalogue(path)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="no such file"):
        load_catalogue(tmp_path / "none.yaml")
    with pytest.raises(CatalogueError, match="cannot be read"):
        load_catalogue(tmp_path)


def test_aliases_are_expanded_but_not_without_end(load: Load) -> None:
    (source,) = load(
        with_lines("evidence: &seen [here]", "access: fine", "name_zh: &n 深圳", "disabled_reason:")
    ).sources
    assert source.evidence == ("here",)
    assert load(with_lines("name_zh: &n 深圳", "access: *n")).sources[0].access == "深圳"
    bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    bomb += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    with pytest.raises(CatalogueError, match="aliases repeat too much") as error:
        load("\n".join(bomb))
    assert error.value.line is not None
    with pytest.raises(CatalogueError, match="aliases repeat too much"):
        load("sources: &a [*a]")


def test_names_and_selections(load: Load) -> None:
    second = MINIMAL.partition("\n")[2].replace("my-source", "off-source").replace("8000", "8001")
    catalogue = load(MINIMAL + second + "    enabled: false\n    disabled_reason: it answers 412\n")
    assert catalogue.get("off-source").enabled is False
    assert [s.id for s in catalogue.select([])] == ["my-source"]
    assert [s.id for s in catalogue.select(["my-source", "my-source"])] == ["my-source"]
    with pytest.raises(UnknownSourceError, match="did you mean my-source"):
        catalogue.get("my-sorce")
    with pytest.raises(UnknownSourceError, match="lists them"):
        catalogue.select(["zzzzzzzzzz"])
    with pytest.raises(UsageError, match=r"'off-source' is off: it answers 412\. .*--catalogue"):
        catalogue.select(["my-source", "off-source"])
    with pytest.raises(UsageError, match="every source is disabled"):
        load(with_lines("enabled: false", "disabled_reason: x")).select([])


DAMAGE = [
    *("", " ", "\n", "\t", ":", "- ", "[", "]", "{", "}", "&a ", "*a", "!!int ", "|", ">", "'", '"'),
    *("#", "~", "?", "\\", "%", "@", "\x00", "\ufeff", "9" * 5000, "<<: ", "null", ".inf", "0x", "1:2:3"),
]  # fmt: skip


def test_broken_files_never_end_in_another_error(tmp_path: Path) -> None:
    """300 files, each the minimal or an excerpt of the bundled catalogue with a few characters changed."""
    random_ = random.Random(20230531)
    blocks = BUNDLED.read_text(encoding="utf-8").split("\n\n- id:")
    excerpts = [MINIMAL, *(f"sources:\n\n- id:{block}" for block in blocks[1:30])]
    path = tmp_path / "fuzzed.yaml"
    refused = 0
    for _ in range(300):
        text = list(random_.choice(excerpts))
        for _ in range(random_.randint(1, 6)):
            at = random_.randrange(len(text))
            text[at : at + random_.randint(0, 3)] = random_.choice(DAMAGE)
        path.write_text("".join(text), encoding="utf-8")
        try:
            load_catalogue(path)
        except CatalogueError:
            refused += 1
    assert refused > 100


def test_importing_the_loader_does_not_import_pydantic_or_yaml() -> None:
    heavy = "{'pydantic', 'yaml', 'lxml', 'scrapy'}"
    code = f"import sys, crawler.catalogue; sys.exit(bool({heavy} & set(sys.modules)))"
    root = Path(__file__).resolve().parents[1]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


# ------------------------------------------------------------------------------------ the bundled catalogue


@pytest.fixture(scope="module")
def bundled() -> Catalogue:
    return load_catalogue()


def test_bundled_catalogue_covers_cities_kinds_and_languages(bundled: Catalogue) -> None:
    on = bundled.select([])
    assert bundled.path == BUNDLED
    assert len(on) >= 60
    assert len({source.city_code for source in on if source.city_code}) >= 15
    assert {source.kind for source in on} >= {"government", "media", "research"}
    assert {source.scope for source in on} == {"city", "province", "national", "international"}
    assert min(sum(source.language == code for source in on) for code in ("zh", "en")) >= 15
    assert "440300" in {source.city_code for source in on}


def test_bundled_sources_are_named_gentle_and_documented(bundled: Catalogue) -> None:
    for source in bundled.sources:
        assert source.politeness.delay >= 3, source.id
        assert source.politeness.robots, source.id
        assert source.evidence, source.id
        assert source.language == "en" or source.name_zh, source.id
        assert source.name.isascii() or "'" in source.name, source.id
        assert (source.article_url or "").startswith("^https?://"), source.id
    assert all(s.politeness.delay >= 120 for s in bundled.sources if "people.c" in s.entry_points[0].url)


ARTICLES = {
    "cn-most": "https://www.most.gov.cn/tztg/202403/t20240315_190001.html",
    "cn-nda": "https://www.nda.gov.cn/sjj/zwgk/zcfb/0315/20240315103012345678901_pc.html",
    "sz-gov": "http://www.sz.gov.cn/cn/xxgk/zfxxgj/tzgg/content/post_10623456.html",
    "sz-gov-en": "https://www.sz.gov.cn/en_szgov/news/latest/content/post_10623456.html",
    "sz-gxj": "https://gxj.sz.gov.cn/gkmlpt/content/11/11234/post_11234567.html",
    "bj-jxj": "https://jxj.beijing.gov.cn/zwgk/2024zcwj/202403/t20240315_3589001.html",
    "sh-sheitc": "https://sheitc.sh.gov.cn/gg/20240315/0123456789abcdef0123456789abcdef.html",
    "szh-gxj": "https://gxj.suzhou.gov.cn/szeic/ggl/202403/0123456789abcdef0123456789abcdef.shtml",
    "wx-gov": "https://www.wuxi.gov.cn/doc/2024/03/15/4186001.shtml",
    "hz-gov": "http://www.hangzhou.gov.cn/art/2024/3/15/art_1229063389_1840001.html",
    "xinhua-zh": "https://www.news.cn/tech/20240315/0123456789abcdef0123456789abcdef/c.html",
    "people-zh": "http://finance.people.com.cn/n1/2024/0315/c1004-40196001.html",
    "cgtn": "https://news.cgtn.com/news/2024-03-15/A-city-plans-1s0ABCdefGh/p.html",
    "qbitai": "https://www.qbitai.com/2024/03/127001.html",
    "sznews": "https://www.sznews.com/news/content/2024-03/15/content_30816001.htm",
}


@pytest.mark.parametrize("source_id", ARTICLES)
def test_article_rules_know_their_articles(bundled: Catalogue, source_id: str) -> None:
    source = bundled.get(source_id)
    assert source.article_url
    address = ARTICLES[source_id]
    assert re.search(source.article_url, address)
    assert not re.search(source.article_url, f"https://share.example.com/?url={address}")
    assert not any(re.search(source.article_url, entry.url) for entry in source.entry_points)


def test_no_entry_point_of_the_bundled_catalogue_is_an_article_or_a_file(bundled: Catalogue) -> None:
    for source in bundled.sources:
        for entry in source.entry_points:
            assert not re.search(source.article_url or "", entry.url), entry.url
            assert is_fetchable(entry.url) is None, entry.url
            assert canonical_url(entry.url)


FAMILY_ARTICLES = {
    "trs": "https://a.gov.cn/b/202403/t20240315_1.shtml",
    "nfcms": "https://a.gov.cn/b/content/mpost_1.html",
    "gkmlpt": "https://a.gov.cn/gkmlpt/content/11/22/post_1.html",
    "jpage": "https://a.gov.cn/art/2024/3/15/art_1_2.html",
    "jpaas": "https://a.gov.cn/col/col1/art/2024/art_0123456789abcdef0123456789abcdef.html",
    "ucap": "https://a.gov.cn/b/2024-03/15/content_0123456789abcdef0123456789abcdef.shtml",
    "shanghai": "https://a.sh.gov.cn/b/20240315/0123456789abcdef0123456789abcdef.html",
    "wuxi": "https://a.wuxi.gov.cn/doc/2024/03/15/1.shtml",
    "people": "http://finance.people.com.cn/n1/2024/0315/c1004-40196001.html",
    "cms-node": "https://a.cn/content/2024-03/15/content_1.htm",
    "wordpress": "https://a.org/2024/03/15/a-city-plans/",
    "substack": "https://a.substack.com/p/a-city-plans",
}


# A family whose lists lead to the articles of another, too.
LEADS_TO = {"jpaas": {"jpage"}, "nfcms": {"gkmlpt"}}


def test_each_family_knows_its_own_articles_and_no_other(load: Load) -> None:
    assert set(FAMILY_ARTICLES) == set(FAMILIES) - {"generic"}
    for name, family in FAMILIES.items():
        known = {
            n
            for n, url in FAMILY_ARTICLES.items()
            if family.article_url and re.search(family.article_url, url)
        }
        assert known - LEADS_TO.get(name, set()) == ({name} if name != "generic" else set()), name
        text = with_lines(f"family: {name}")
        (source,) = load(
            text.replace("type: list", "type: feed") if family.content == "feed" else text
        ).sources
        assert (source.article_url, source.selectors) == (family.article_url, family.selectors)
        assert source.content == family.content
        assert source.entry_points[0].paging.scheme == family.paging


def test_the_bundled_catalogue_reads_the_same_with_a_plain_yaml_reader(bundled: Catalogue) -> None:
    plain = yaml.safe_load(BUNDLED.read_text(encoding="utf-8"))
    assert [item["id"] for item in plain["sources"]] == [source.id for source in bundled.sources]
    assert sum(len(item["entry_points"]) for item in plain["sources"]) == sum(
        len(source.entry_points) for source in bundled.sources
    )


def test_the_document_names_every_field_and_family_and_its_examples_load(load: Load) -> None:
    from crawler import catalogue_schema as schema
    from crawler import entry_point_schema as entry

    document = (Path(__file__).resolve().parents[1] / "docs" / "adding-a-source.md").read_text(
        encoding="utf-8"
    )
    tables = (
        *(schema.SourceFields, schema.PolitenessFields, schema.SelectorFields),
        *(entry.EntryPointFields, entry.PagingFields, entry.ShapeFields),
    )
    words = {name for table in tables for name in table.model_fields} | set(FAMILIES)
    words |= {*schema.KINDS, *schema.SCOPES, *schema.CONFIDENCES, *schema.CONTENTS, *schema.ROBOTS_FORBIDDEN}
    words |= {*entry.SCHEMES, *entry.KINDS_OF_ENTRY, *entry.METHODS}
    assert {word for word in words if f"`{word}`" not in document} == set()
    examples = re.findall(r"```yaml\n(.*?)```", document, re.S)
    shown = [load(example).sources for example in examples]
    assert {source.family for sources in shown for source in sources} >= {"trs", "gkmlpt", "substack"}
    kinds = {point.kind for sources in shown for source in sources for point in source.entry_points}
    assert kinds == set(entry.KINDS_OF_ENTRY)
