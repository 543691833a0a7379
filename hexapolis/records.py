"""The typed records that pass from one stage to the next.

They are frozen and have no behaviour that needs another package.

Times are aware datetimes in UTC. A date without a time is a `date`. Unknown is `None`, never a guess. Text
offsets count Python characters: `text[start:end]` is always the exact quote.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

DIMENSIONS: tuple[str, ...] = ("compute", "technology", "industry", "application", "data_talent", "support")
"""The six dimensions of the plan, in the plan's order. Definitions are in `classify/codebook.yaml`."""


class Verdict(StrEnum):
    """What a fetched page is. Only an article is tagged; everything else is kept and counted."""

    ARTICLE = "article"
    LIST = "list"  # a list or index page: links, no text of its own
    SOFT_404 = "soft_404"  # status 200, but the text says that there is nothing here
    CHALLENGE = "challenge"  # a bot check or web application firewall
    PAYWALL = "paywall"  # a login or a paywall stands before the text
    SHELL = "shell"  # a frame that scripts fill in, without text of its own
    STUB = "stub"  # too little text to be an article
    STUB_DOCUMENT = "stub_document"  # too little text, but a document is attached that has it
    EMPTY = "empty"  # no bytes, or no text at all
    NOT_HTML = "not_html"  # PDF, image, JSON … whatever the name says
    TOO_LARGE = "too_large"  # over the size limit; the raw page is kept
    ERROR = "error"  # the server answered with an error status
    UNREADABLE = "unreadable"  # extraction timed out or crashed; the raw page is kept


class Outcome(StrEnum):
    """What became of one URL in one crawl run. Every URL seen ends in exactly one of these."""

    STORED = "stored"  # fetched; a new article or a new version of one
    UNCHANGED = "unchanged"  # fetched again (or 304); the text is the one that is stored
    KNOWN = "known"  # stored earlier, not fetched again
    LISTING = "listing"  # an entry point or list page, read for its links
    NOT_ARTICLE = "not_article"  # fetched and kept, but its verdict is not `article`
    DOCUMENT = "document"  # a PDF or DOCX of an article, fetched for its text
    GONE = "gone"  # stored earlier; now the server answers 404 or 410, the archived copy stays
    BLOCKED = "blocked"  # 403, 412, 429, 451, 521, a challenge, or a host that is left alone after one
    ROBOTS = "robots"  # robots.txt does not allow it
    FILTERED = "filtered"  # not followed: another host, not an article address, a refused scheme or address
    FAILED = "failed"  # no usable answer: DNS, connection, timeout, 404, 5xx, extraction failure
    BUDGET = "budget"  # seen, but the run's page budget was used up or the run was stopped
    WAITING = "waiting"  # fetched and archived, not processed yet; `hexapolis process` finishes it


class TitleSource(StrEnum):
    """Where a title was read from."""

    SELECTOR = "selector"  # the source's own selector
    META = "meta"  # ArticleTitle and its like
    JSON_LD = "json-ld"
    OPEN_GRAPH = "open-graph"
    HEADING = "heading"  # a heading of the page
    TITLE_TAG = "title-tag"  # <title>, without the names of site and section
    API = "api"  # the JSON that the site's own list or detail interface gives
    TEXT = "text"  # the first line


class DateSource(StrEnum):
    """Where a date was read from, best first."""

    API = "api"  # the JSON that the site's own list or detail interface gives
    JSON_LD = "json-ld"
    META = "meta"
    VISIBLE = "visible"  # a labelled line such as 发布时间：2024-03-15
    TIME_TAG = "time-tag"
    HTMLDATE = "htmldate"
    URL = "url"
    LISTING = "listing"  # the date beside the link on the list page, feed or sitemap


@dataclass(frozen=True, slots=True)
class ArchiveRef:
    """Where a page's bytes are: a WARC file below the archive folder, and the record in it."""

    file: str
    offset: int  # bytes from the start of the file to the record (a gzip member)
    length: int  # bytes of the compressed record
    digest: str  # `sha256:<hex>` of the body


@dataclass(frozen=True, slots=True)
class Page:
    """Fetched bytes, as the server sent them after transfer and content decoding."""

    url: str  # after redirects
    requested_url: str
    status: int  # HTTP status; 0 for a saved file, which was not fetched
    headers: tuple[tuple[str, str], ...]
    body: bytes
    fetched_at: dt.datetime

    def header(self, name: str) -> str | None:
        """First value of a header, by case-insensitive name."""
        return next((v for k, v in self.headers if k.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Selectors:
    """CSS selectors a source may give where the general extraction is not good enough. All optional."""

    title: str | None = None
    body: str | None = None
    date: str | None = None
    author: str | None = None


@dataclass(frozen=True, slots=True)
class FoundDate:
    """A date and where it came from."""

    value: dt.date
    source: DateSource
    at: dt.datetime | None = None  # the moment, where the page gives one, with the page's own offset


@dataclass(frozen=True, slots=True)
class Attachment:
    """A linked document (PDF, DOCX, …) named on the page."""

    url: str
    name: str


@dataclass(frozen=True, slots=True)
class Article:
    """What a reader would call the article on a page."""

    title: str
    text: str  # paragraphs joined by one newline; never empty
    language: str  # `zh`, `en`, or another ISO 639-1 code; `und` when undecided
    published: FoundDate | None = None  # 发布日期
    written: FoundDate | None = None  # 成文日期
    author: str | None = None
    issuer: str | None = None  # 发文机关 / 发布机构: the body that issued the document
    source_line: str | None = None  # 来源: the outlet the page itself names as its origin
    document_number: str | None = None  # 文号
    canonical_link: str | None = None  # absolute rel=canonical or og:url, if the page gives one
    attachments: tuple[Attachment, ...] = ()
    title_from: TitleSource | None = None
    keywords: tuple[str, ...] = ()
    # What the page declares by the government's meta names (in lower case: columnname, sitename …) and in its
    # table of document properties (index_number, subject, validity).
    declared: Mapping[str, str] = field(default_factory=dict)
    headline_only: bool = False  # title and summary as a list gives them; the article was not fetched


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one page: `article` is set exactly when the verdict is `article`."""

    verdict: Verdict
    detail: str  # why, in a few words; empty for an article
    article: Article | None = None
    encoding: str | None = None  # the charset the bytes were decoded with
    charset_from: str | None = None  # `bom`, `utf-8`, `http`, `meta`, `detected`
    documents: tuple[Attachment, ...] = ()  # attached files whose text is needed to judge the page


@dataclass(frozen=True, slots=True)
class Passage:
    """The unit that is coded: `text[start:end]` of the version's text."""

    start: int
    end: int
    heading: str | None = None  # the nearest heading above, for context


UNSURE_BAND = 0.1
"""Half the width of the band around a threshold in which an answer counts as unsure, in probability."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One passage that carries a dimension, with the probability that it does (0 to 1)."""

    start: int
    end: int
    score: float
    terms: tuple[str, ...] = ()  # the words that weighed most, strongest first, as the model reads them


class CityRole(StrEnum):
    """Whether the text is about a city's policy, or only names the city."""

    SUBJECT = "subject"
    MENTIONED = "mentioned"


@dataclass(frozen=True, slots=True)
class CityTag:
    """A city found in a text."""

    city_code: str  # GB/T 2260, six digits
    city: str  # English name without suffix, such as `Shenzhen`
    role: CityRole


@dataclass(frozen=True, slots=True)
class DimensionScore:
    """What the model says of one dimension of one document."""

    probability: float  # 0 to 1
    threshold: float  # tagged when probability >= threshold, relevant or not
    tagged: bool
    evidence: tuple[Evidence, ...] = ()  # the passages at or over the threshold, strongest first

    @property
    def unsure(self) -> bool:
        """Whether the probability is too near the threshold to be trusted either way."""
        return abs(self.probability - self.threshold) <= UNSURE_BAND


@dataclass(frozen=True, slots=True)
class Tagging:
    """The whole answer of the tagger for one document."""

    model_id: str
    codebook_version: str
    relevance: float  # 0 to 1: is this about a Chinese city's AI policy?
    relevance_threshold: float
    relevant: bool
    dimensions: Mapping[str, DimensionScore]  # one entry for each of DIMENSIONS
    cities: tuple[CityTag, ...] = ()
    passages: tuple[Passage, ...] = ()

    @property
    def unsure(self) -> tuple[str, ...]:
        """What should be looked at by a person: `relevance` and dimensions, in the plan's order."""
        near = abs(self.relevance - self.relevance_threshold) <= UNSURE_BAND
        return (("relevance",) if near else ()) + tuple(d for d in DIMENSIONS if self.dimensions[d].unsure)

    @property
    def tags(self) -> tuple[str, ...]:
        """The tagged dimensions in the plan's order."""
        return tuple(d for d in DIMENSIONS if self.dimensions[d].tagged)


class ReviewKind(StrEnum):
    """How a review came about, weakest first; `undo` is no judgement, it takes one back."""

    OPEN = "open"  # the reviewer saw what the model says
    BLIND = "blind"  # the reviewer did not
    ADJUDICATED = "adjudicated"  # somebody settled what the reviewers disagreed on
    UNDO = "undo"  # an earlier review no longer counts


@dataclass(frozen=True, slots=True)
class ReviewSpan:
    """A quote that a reviewer marked as carrying a dimension: `text[start:end]` of the version's text."""

    dimension: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Review:
    """What one person said of one version at one time. Never changed: what is taken back is an `undo`."""

    version_id: int
    reviewer: str
    at: dt.datetime
    kind: ReviewKind
    codebook_version: str  # the codebook that the reviewer judged by
    relevant: bool | None = None  # None: unsure, or not judged
    dims: tuple[str, ...] | None = None  # in the plan's order; () carries none, None: not judged
    cities: tuple[str, ...] | None = None  # codes of the subject cities; None: not judged
    evidence: tuple[ReviewSpan, ...] = ()
    audit: bool = False  # drawn by the random audit share: measures the model, never trains it
    note: str = ""
    undoes: int | None = None  # of an undo: the review that no longer counts
    id: int | None = None  # given by the store


@dataclass(frozen=True, slots=True)
class ReviewLabel:
    """What the reviews of a text come to."""

    kind: ReviewKind  # the strongest that decided: adjudicated, blind or open
    relevant: bool | None  # None: nobody is sure, or reviewers disagree
    dims: frozenset[str] | None  # that all agree on; None: nobody judged them
    contested: frozenset[str]  # dimensions on which reviewers disagree
    relevance_contested: bool
    cities: tuple[str, ...] | None  # codes, sorted; None: not judged, or reviewers disagree
    evidence: tuple[ReviewSpan, ...]  # of the dimensions in `dims`
    audit: bool  # one of the reviews belongs to the audit
    reviewers: tuple[str, ...]  # whose word this is, sorted


@dataclass(frozen=True, slots=True)
class StoryText:
    """One story's text, with what is known of its labels."""

    story_key: str  # digest of the folded text: the same in every store
    title: str
    text: str
    language: str
    articles: frozenset[int]  # that show or showed this text
    label: ReviewLabel | None = None  # None: not reviewed


@dataclass(frozen=True, slots=True)
class SureText:
    """A text that nobody has reviewed and that a model is very sure of, in all its answers."""

    story: StoryText
    dims: frozenset[str]  # that it carries; it is as sure that the others are not carried
    relevant: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """One request for a page of an entry point."""

    url: str
    method: str = "GET"  # or POST
    body: str | None = None  # of a POST
    content_type: str | None = None  # of the body
    referer: str | None = None  # some interfaces answer only with one

    @property
    def address(self) -> str:
        """The address the ledger and the archive know it by: a POST's body becomes part of the query.

        This is how web archives replay POST requests: `__wb_method=POST&<body>` behind the address.
        """
        if self.method == "GET":
            return self.url
        return f"{self.url}{'&' if '?' in self.url else '?'}__wb_method={self.method}&{self.body or ''}"


@dataclass(frozen=True, slots=True)
class Link:
    """One link that an entry point (list page, feed, sitemap, interface) offers."""

    url: str  # absolute
    title: str | None = None
    listed_on: dt.date | None = None  # the date beside it, if any
    modified_at: dt.datetime | None = None  # sitemap lastmod or feed updated, if any
    summary: str | None = None  # plain text
    html: str | None = None  # the whole article, where a feed or an interface carries it


@dataclass(frozen=True, slots=True)
class Paging:
    """How page n of a list is addressed; see `crawler/entry_points/paging.py` for what each scheme means."""

    scheme: str  # none, zero_based, one_based, template, next_link, year_archives
    template: str | None = None  # for `template`: a URL with {page}
    first: int = 1  # number of the first page in `template`
    max_pages: int = 50


@dataclass(frozen=True, slots=True)
class JsonShape:
    """Where the parts of a JSON list are.

    Paths are keys and numbers joined by dots; the empty one is the value itself.
    """

    rows: str = ""  # the array of rows
    html: str | None = None  # instead of rows: a fragment of HTML that is read as a list page
    link: str = "url"  # path in a row, or an address with {path} in it, such as /post/{id}.html
    title: str | None = "title"
    date: str | None = None  # ISO date or time, or seconds or milliseconds since 1970
    modified: str | None = None
    summary: str | None = None
    content: str | None = None  # the article's HTML
    pages: str | None = None  # path, from the top, of the number of pages
    total: str | None = None  # path, from the top, of the number of rows


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """Where links of a source are found."""

    kind: str  # feed, sitemap, list, json, gkmlpt, jpage, jpaas, wordpress
    url: str
    paging: Paging = Paging("none")
    item: str | None = None  # CSS selector of one row of a list; None: every link of the page
    link: str | None = None  # CSS selector of the link inside a row; None: the row's first link
    date: str | None = None  # CSS selector of the date inside a row
    method: str = "GET"  # of a json entry point: GET or POST
    body: str | None = None  # of a POST; {page} is the page's number
    content_type: str | None = None  # of the body
    referer: str | None = None
    shape: JsonShape | None = None  # of a json entry point


@dataclass(frozen=True, slots=True)
class Politeness:
    """How gently a source is crawled."""

    delay: float = 5.0  # seconds between two requests to one host
    max_pages: int = 500  # article pages a run may fetch
    robots: bool = True
    robots_forbidden: str = "refuse"  # what 401 and 403 on robots.txt mean: refuse, or allow (RFC 9309)
    tls_p256: bool = False  # offer only the curve P-256: some servers fail on newer ones


@dataclass(frozen=True, slots=True)
class Source:
    """A crawl target: one entry of the catalogue."""

    id: str
    name: str  # English
    entry_points: tuple[EntryPoint, ...]
    name_zh: str | None = None
    city_code: str | None = None  # GB/T 2260; None for national bodies and media
    scope: str = "city"  # city, province, national, international
    language: str = "zh"
    kind: str = "media"  # government, media, research, company
    family: str | None = None  # preset of the site family, such as trs, nfcms, ucap
    article_url: str | None = None  # regular expression an article's address matches (search, not full match)
    selectors: Selectors = Selectors()
    # page: articles are fetched; feed: the entry point has them whole; headline: only title and summary are
    # taken. In the last two cases no article page is asked for.
    content: str = "page"
    politeness: Politeness = Politeness()
    interval_minutes: int = 360  # how often the scheduler looks
    access: str | None = None  # what is known about reachability
    evidence: tuple[str, ...] = ()
    confidence: str = "seen-in-code"  # seen-in-code, seen-url-shape, guessed
    enabled: bool = True
    disabled_reason: str | None = None


@dataclass(frozen=True, slots=True)
class TaggedArticle:
    """One current version as the comparison sees it."""

    article_id: int
    story_id: int
    source_id: str
    title: str
    url: str
    language: str
    published_on: dt.date | None
    dims: tuple[str, ...]  # tagged dimensions
    cities: tuple[tuple[str, str], ...]  # subject cities: GB/T 2260 code, English name


@dataclass(frozen=True, slots=True)
class LabelledText:
    """One item of a labelled file: the training corpus, or a file to evaluate against."""

    id: str
    text: str
    dims: frozenset[str]
    relevant: bool | None = None  # None: not labelled, or coders differ
    contested: frozenset[str] = frozenset()  # dimensions left out of scoring
    unit: str = "passage"  # passage or document
    language: str | None = None
    title: str | None = None
    cities: tuple[str, ...] | None = None  # English names of the subject cities; None: not labelled
    meta: Mapping[str, str] = field(default_factory=dict)  # genre, provenance …


class HealthState(StrEnum):
    """How a source is, worst first."""

    DEAD = "dead"  # no answer, an unknown host, 404 or a server error, run after run
    BLOCKED = "blocked"  # it refuses: 403, 412, a challenge, a login, robots.txt
    LAYOUT_CHANGED = "layout-changed"  # it answers, but its lists or its articles are not read as they were
    STALE = "stale"  # it is read as ever, but its newest article is too old for its usual rhythm
    EMPTY_BUT_VALID = "empty-but-valid"  # a well-formed feed or list without entries
    UNKNOWN = "unknown"  # never crawled, or too few runs that tell anything
    NOT_MODIFIED = "not-modified"  # it answers that nothing has changed
    OK = "ok"
    DISABLED = "disabled"  # the catalogue says not to crawl it


@dataclass(frozen=True, slots=True)
class EntryFacts:
    """What became of the first page of one entry point in one run."""

    url: str
    kind: str  # as in EntryPoint
    outcome: str
    detail: str = ""
    links: int | None = None  # how many it offered; None when it was not read
    status: int | None = None  # HTTP status; None when there was no answer, or none that was kept
    final_url: str | None = None  # after redirects


@dataclass(frozen=True, slots=True)
class LostPage:
    """An article page of a run that gave no article."""

    url_key: str
    outcome: str  # not_article, failed, blocked or robots
    detail: str = ""
    verdict: str | None = None
    status: int | None = None
    first_run: int = 0  # the run that asked for this address first


@dataclass(frozen=True, slots=True)
class ArticleFacts:
    """What was read from one article, as far as it shows whether the reading works."""

    run_id: int  # the run that fetched this text first
    run_started_at: dt.datetime
    url_key: str
    length: int  # characters of the text
    text_sha256: str
    opening: str  # the first characters of the text
    title: str
    titled: bool  # the title is a title, not the text's first line
    dated: bool  # the page itself gives a date, not only its address or the list


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One crawl of one source, as far as it shows how the source is."""

    run_id: int
    started_at: dt.datetime
    status: str
    reason: str = ""
    matched: int = 0  # addresses offered by its lists that pass for articles, fetched or not
    read: int = 0  # pages that were fetched and read as articles
    stored: int = 0  # of these, those that brought a new text
    further_links: int = 0  # links that list pages after the first, or nested sitemaps, offered
    entries: tuple[EntryFacts, ...] = ()
    lost: tuple[LostPage, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What the store knows of a source's last runs and newest articles."""

    source_id: str
    runs: tuple[RunFacts, ...] = ()  # ended ones, oldest first
    articles: tuple[ArticleFacts, ...] = ()  # a sample, dense at the newest; in the order of their runs
    days: tuple[dt.date, ...] = ()  # the newest days on which articles came out, ascending


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """A verdict on a source, with what it rests on."""

    source_id: str
    state: HealthState
    since: dt.datetime | None  # start of the first run of the current streak; None when never crawled
    evidence: Mapping[str, object]  # numbers, addresses and run ids
    last_run: RunFacts | None = None
    newest: dt.date | None = None  # the day of the newest article


class DocumentKind(StrEnum):
    """What sort of text a document is; `docs/document-kinds.md` draws the lines between them."""

    PLAN = "plan"  # says what a public body will do or pay for: action plan, opinions, several measures
    REGULATION = "regulation"  # states law in articles: regulations, administrative measures, provisions
    NOTICE = "notice"  # calls, announces, lists or asks for comments
    INTERPRETATION = "interpretation"  # explains a document: questions and answers, one chart
    REPORT = "report"  # accounts for what was done: government work report, yearly summary, bulletin
    NEWS = "news"  # tells of an event or of another document
    SPEECH = "speech"  # the words of somebody who spoke
    COMMENTARY = "commentary"  # gives the writer's own view
    OTHER = "other"


class Level(StrEnum):
    """The rank of the Chinese public body whose act a text is, or whose act it tells of."""

    NATIONAL = "national"
    PROVINCE = "province"
    CITY = "city"  # municipalities and prefectures too
    DISTRICT = "district"  # counties, county-level cities, zones and what is below them too
    NONE = "none"  # no such body: companies, research, foreign bodies, general comment


@dataclass(frozen=True, slots=True)
class DocumentSort:
    """The kind and the level of a document, each with the words that decided and where they stand."""

    kind: DocumentKind
    level: Level
    kind_reason: str  # such as `行动方案 (title)`
    level_reason: str
