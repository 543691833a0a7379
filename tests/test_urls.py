"""One article has one identity, however its address is written; two articles never share one."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.urls import MAX_URL_LENGTH, canonical_url, is_fetchable, same_host, same_site
from hexapolis.errors import UsageError

SESSION = "3f2a9c1d7b6e4f508a1b2c3d4e5f6a7b"


@pytest.mark.parametrize(
    ("variant", "identity"),
    [
        ("HTTP://WWW.SZ.GOV.CN/a/Post_1.html", "https://www.sz.gov.cn/a/Post_1.html"),
        ("http://www.sz.gov.cn.:80/a.html", "https://www.sz.gov.cn/a.html"),
        ("https://www.sz.gov.cn:443/a.html?", "https://www.sz.gov.cn/a.html"),
        ("https://www.sz.gov.cn", "https://www.sz.gov.cn/"),
        ("  https://x.cn/a.html\n", "https://x.cn/a.html"),
        ("https:\\\\x.cn\\a.html", "https://x.cn/a.html"),
        ("https://x.cn/a/./b/../c.html", "https://x.cn/a/c.html"),
        ("https://x.cn/a/%2e%2E/c.html", "https://x.cn/c.html"),
        ("https://x.cn/a/b/..", "https://x.cn/a/"),
        ("https://x.cn/%7euser/%e4%b8%ad", "https://x.cn/~user/%E4%B8%AD"),
        ("https://x.cn/中", "https://x.cn/%E4%B8%AD"),
        ("https://x.cn/a%2Cb(1)", "https://x.cn/a,b(1)"),
        ("https://x.cn/100%", "https://x.cn/100%25"),
        ("https://深圳.中国/a", "https://xn--fes124c.xn--fiqs8s/a"),
        ("https://x.cn/a.html#pinglun", "https://x.cn/a.html"),
        ("https://x.cn/#!/news/7", "https://x.cn/#!/news/7"),
        ("https://x.cn/#/news/7", "https://x.cn/#/news/7"),
        ("https://x.cn/a?b=2&a=1", "https://x.cn/a?a=1&b=2"),
        ("https://x.cn/a?t=2&t=1", "https://x.cn/a?t=2&t=1"),
        ("https://x.cn/a?&&id=1&", "https://x.cn/a?id=1"),
        ("https://x.cn/a?b&a", "https://x.cn/a?b&a"),
        ("https://x.cn/a?u=http%3A%2F%2Fy.cn", "https://x.cn/a?u=http://y.cn"),
        ("https://x.cn/a?id=1&utm_source=wx&UTM_Medium=s&spm=1.2", "https://x.cn/a?id=1"),
        ("https://x.cn/a?id=1&from=timeline&isappinstalled=0", "https://x.cn/a?id=1"),
        ("https://x.cn/a?id=1&from=shenzhen", "https://x.cn/a?from=shenzhen&id=1"),
        ("https://x.cn/a?id=1&share_token=abc&share_from=app", "https://x.cn/a?id=1"),
        ("https://x.cn/a?id=1&_=1700000000000", "https://x.cn/a?id=1"),
        ("https://x.cn/a.jsp;jsessionid=AB12?id=1", "https://x.cn/a.jsp?id=1"),
        ("https://x.cn/a;v=2;JSESSIONID=1/b", "https://x.cn/a;v=2/b"),
        ("https://x.cn/(S(abcdefghij0123456789klmn))/a.aspx", "https://x.cn/a.aspx"),
        (f"https://x.cn/a?id=1&PHPSESSID={SESSION}&sid={SESSION}", "https://x.cn/a?id=1"),
        ("https://x.gov.cn/a/content/mpost_12.html", "https://x.gov.cn/a/content/post_12.html"),
        (
            "http://x.gov.cn/gkmlpt/content/1/2/mpost_12.html?jump=true#20044",
            "https://x.gov.cn/gkmlpt/content/1/2/post_12.html",
        ),
        ("http://127.0.0.1/a", "http://127.0.0.1/a"),
        ("http://127.0.0.1:8000/a", "http://127.0.0.1:8000/a"),
        ("http://2130706433/a", "http://2130706433/a"),
        ("http://[::FFFF:1]:80/a", "http://[::ffff:1]/a"),
        ("http://localhost/a", "http://localhost/a"),
        ("http://x.cn:8080/a", "http://x.cn:8080/a"),
        ("https://x.cn:80/a", "https://x.cn:80/a"),
    ],
)
def test_identity(variant: str, identity: str) -> None:
    assert canonical_url(variant) == identity


@pytest.mark.parametrize(
    "addresses",
    [
        ["https://x.cn/?contentid=77", "https://x.cn/?contentid=78", "https://x.cn/"],
        [
            "https://x.cn/a/1.html",
            "https://x.cn/A/1.html",
            "https://x.cn//a/1.html",
            "https://x.cn/a/1.html/",
        ],
        ["https://x.cn/a/", "https://x.cn/a", "https://x.cn/a/index.html"],
        [
            "https://x.cn/a",
            "https://www.x.cn/a",
            "https://m.x.cn/a",
            "https://x.cn:8443/a",
            "http://x.cn:8443/a",
        ],
        ["https://x.cn/s?q=a+b", "https://x.cn/s?q=a%2Bb"],
        ["https://x.cn/s?q=a%26b", "https://x.cn/s?q=a&b"],
        ["https://x.cn/s?a=1%3D2", "https://x.cn/s?a%3D1=2"],
        ["https://x.cn/a%2Fb", "https://x.cn/a/b", "https://x.cn/a%252Fb"],
        ["https://x.cn/a%3Bjsessionid=1", "https://x.cn/a"],
        ["https://x.cn/s?t=1&t=2", "https://x.cn/s?t=2&t=1"],
        ["https://x.cn/s?2024&05", "https://x.cn/s?05&2024"],
        ["https://x.cn/#/news/7", "https://x.cn/#/news/8", "https://x.cn/#!/news/7"],
        [f"https://x.cn/show?sid={SESSION}", f"https://x.cn/show?sid={SESSION[::-1]}"],
        [f"https://x.cn/show?cid=1&sid={SESSION}", f"https://x.cn/show?cid=1&sid={SESSION[::-1]}"],
        ["https://x.cn/show?sid=12", "https://x.cn/show?sid=13"],
        ["https://x.cn/e?id=1&session=1", "https://x.cn/e?id=1&session=2"],
        ["https://x.cn/?from=beijing", "https://x.cn/?from=shanghai"],
        ["https://x.cn/a?_=7", "https://x.cn/a?_=8"],
        ["http://127.0.0.1/a", "https://127.0.0.1/a"],
        [
            "https://x.cn/content/post_1.html",
            "https://x.cn/content/post_2.html",
            "https://x.cn/c/mpost_1.html",
        ],
    ],
)
def test_different_articles_stay_apart(addresses: list[str]) -> None:
    assert len({canonical_url(address) for address in addresses}) == len(addresses)


def test_ten_variants_of_1000_articles_are_1000_articles() -> None:
    shapes = [
        "www.sz.gov.cn/cn/xxgk/content/post_{}.html",
        "kw.beijing.gov.cn/zwgk/202401/t20240105_{}.html",
        "x.cn/index.php?m=content&c=show&contentid={}",
        "www.suzhou.gov.cn/szsrmzf/zwgg/202401/{:032x}.shtml",
    ]

    def variants(rest: str, path: str) -> list[str]:
        host, mark = rest.partition("/")[0], "&" if "?" in rest else "?"
        return [
            f"https://{rest}",
            f"http://{rest}",
            f"https://{host.upper()}/{path}",
            f"https://{host}.:443/{path}",
            f"http://{host}:80/./{path}",
            f"https://{rest}#comments",
            f"https://{rest}{mark}utm_source=weibo&utm_medium=social",
            f"https://{rest}{mark}from=singlemessage&isappinstalled=0",
            f"https://{rest}{mark}spm=a1.b2.c3&share_token=9f",
            f"https://{host}/x/../{path.replace('t', '%74')}",
        ]

    articles = [shapes[i % 4].format(10_000 + i) for i in range(1000)]
    seen = [{canonical_url(v) for v in variants(rest, rest.partition("/")[2])} for rest in articles]
    assert [len(identities) for identities in seen] == [1] * 1000
    assert len(set().union(*seen)) == 1000


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
PIECES = st.sampled_from([
    *("%", "%2e", "%2F", "..", ".", "/", "//", ";", "jsessionid=1", "?", "&", "=", "#", "#!", "+", "%2B"),
    *("[", "]", ":", "@", "\\", "\t", " ", "id=1", "utm_x=1", "from=qq", "sid", f"sid={SESSION}"),
    *("mpost_1.html", "/content/", "(S(abcdefghij0123456789klmn))", "中", "%zz", "%C3%28", "x" * 20),
])  # fmt: skip
ADDRESSES = st.builds(
    lambda scheme, host, rest: scheme + host + "".join(rest),
    st.sampled_from(["http://", "https://", "HTTP:", "//", ""]),
    st.sampled_from(["x.cn", "X.CN:80", "中国.cn", "127.0.0.1:8000", "[::1]", "u:p@x.cn", "a_b.cn.", ""]),
    st.lists(st.one_of(PIECES, TEXT), max_size=12),
)


@settings(max_examples=1000, deadline=None)
@given(
    ADDRESSES | st.text(max_size=60) | st.binary(max_size=40).map(lambda b: "http://" + b.decode("latin-1"))
)
def test_any_text_has_a_stable_identity_or_is_refused(address: str) -> None:
    fetchable = is_fetchable(address)
    assert same_site(address, "https://x.cn/") in (True, False)
    if fetchable not in (None, "asset", "attachment", "trap"):
        with pytest.raises(UsageError) as error:
            canonical_url(address)
        assert "\n" not in str(error.value)
        return
    identity = canonical_url(address)
    assert canonical_url(identity) == identity
    assert identity.isascii()
    assert same_host(address, address)


SEGMENT = st.text("abcXYZ0189-_~", min_size=1, max_size=8).filter(lambda s: "mpost" not in s)
PARAMETERS = st.dictionaries(st.sampled_from(["id", "contentid", "p", "cid", "page"]), SEGMENT, max_size=3)
PLACES = st.tuples(st.lists(SEGMENT, max_size=3), PARAMETERS)
Place = tuple[list[str], dict[str, str]]


@settings(max_examples=300, deadline=None)
@given(PLACES, PLACES)
def test_addresses_merge_only_when_path_and_parameters_are_equal(a: Place, b: Place) -> None:
    def address(path: list[str], parameters: dict[str, str]) -> str:
        return "https://x.cn/" + "/".join(path) + "?" + "&".join(f"{k}={v}" for k, v in parameters.items())

    assert (canonical_url(address(*a)) == canonical_url(address(*b))) == (a == b)


@given(st.permutations(["id=7", "utm_source=a", "page=2", "lang=zh", "gclid=x"]))
def test_order_of_parameters_does_not_matter(parameters: list[str]) -> None:
    assert canonical_url("https://x.cn/a?" + "&".join(parameters)) == "https://x.cn/a?id=7&lang=zh&page=2"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/d" * 20, "trap"),
        ("/a/b" * 5, "trap"),
        ("/" + "/".join(f"d{i}" for i in range(21)), "trap"),
        ("/" + "/".join(f"d{i}" for i in range(20)), None),
        ("/3/3/3/3/a.html", None),
        ("//////a.html", None),
    ],
)
def test_paths_that_only_a_trap_makes_are_not_fetched(path: str, reason: str | None) -> None:
    assert is_fetchable("https://www.sz.gov.cn" + path) == reason


@pytest.mark.parametrize(
    "address",
    [
        *("", "x.cn/a", "//x.cn/a", "ftp://x.cn/a", "javascript:alert(1)", "file:///etc/passwd"),
        *("http://", "http:///a", "http://x.cn:0/", "http://x.cn:65536/", "http://x.cn:8o/", "http://a..b/"),
        *("http://[::1/", "http://[fe80::1%25eth0]/", "http://x y.cn/", "http://x.cn%00/"),
        *("http://\ud800.cn/", "https://x.cn/\ud800", "https://x.cn/" + "a" * MAX_URL_LENGTH),
    ],
)
def test_what_is_no_web_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError):
        canonical_url(address)
    assert is_fetchable(address) is not None


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError, match="user name or password") as error:
        canonical_url("https://me:secret@x.cn/a")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("https://x.cn/a.html", None),
        ("https://x.cn/", None),
        ("https://x.cn/show.php?file=a.pdf", None),
        ("https://x.cn/pdf", None),
        ("https://x.cn/a.html#b.png", None),
        ("https://x.cn/P020240105.PDF", "attachment"),
        ("https://x.cn/a.docx?v=2", "attachment"),
        ("https://x.cn/%E9%99%84%E4%BB%B6.%70df", "attachment"),
        ("https://x.cn/a.ofd;jsessionid=1", "attachment"),
        ("https://x.cn/style.css?v=3", "asset"),
        ("https://x.cn/v.mp4", "asset"),
        ("https://x.cn/data.zip", "asset"),
        ("mailto:a@x.cn", "scheme"),
        ("javascript:void(0)", "scheme"),
        ("/a.html", "scheme"),
        ("https:///a", "host"),
        ("https://u:p@x.cn/a", "credentials"),
        ("https://x.cn:99999/", "malformed"),
    ],
)
def test_reasons_not_to_fetch(address: str, reason: str | None) -> None:
    assert is_fetchable(address) == reason


def test_sites_are_registrable_domains() -> None:
    together = ["https://www.cgtn.com/a", "http://news.cgtn.com/b", "https://cgtn.com"]
    assert all(same_site(a, b) for a, b in itertools.product(together, together))
    assert same_site("https://gxj.sz.gov.cn/", "https://www.sz.gov.cn/")
    assert not same_site("https://www.sz.gov.cn/", "https://www.gz.gov.cn/")
    assert not same_site("https://a.github.io/", "https://b.github.io/")
    assert not same_site("https://cgtn.com.evil.org/", "https://cgtn.com/")
    assert not same_site("http://127.0.0.1:8000/", "http://127.0.0.1:8001/")
    assert same_site("http://127.0.0.1:8000/a", "http://127.0.0.1:8000/b")
    assert not same_site("http://127.0.0.1/", "http://10.0.0.1/")
    assert not same_site("not an address", "not an address")


def test_hosts_are_compared_without_www_and_scheme() -> None:
    assert same_host("http://WWW.x.cn/a", "https://x.cn/b")
    assert not same_host("https://news.x.cn/", "https://x.cn/")
    assert not same_host("https://x.cn:8443/", "https://x.cn/")
    assert not same_host("nothing", "nothing")
