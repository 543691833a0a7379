"""The gazetteer's data, and how texts in both languages name cities: as subject, mention, or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from classify.cities import all_cities, city_by_code, city_by_name, find_cities
from classify.gazetteer import names, place_rows, provinces
from hexapolis.records import CityRole, CityTag

SHARED = Path(__file__).resolve().parents[1].parent / "shared"


def subjects(text: str, title: str | None = None) -> set[str]:
    return {t.city for t in find_cities(title, text) if t.role is CityRole.SUBJECT}


def mentioned(text: str, title: str | None = None) -> set[str]:
    return {t.city for t in find_cities(title, text) if t.role is CityRole.MENTIONED}


def codes(text: str, title: str | None = None) -> set[str]:
    return {t.city_code for t in find_cities(title, text)}


# ---- the data


def test_codes_are_unique_six_digits_of_a_known_province() -> None:
    found = [c.code for c in all_cities()]
    assert len(found) == len(set(found))
    assert all(len(c) == 6 and c.isdigit() for c in found)
    assert {c.province_code for c in all_cities()} <= provinces().keys()


def test_every_prefecture_level_city_is_there() -> None:
    by_level: dict[str, int] = {}
    for city in all_cities():
        by_level[city.level] = by_level.get(city.level, 0) + 1
    assert by_level["municipality"] == 4
    assert by_level["sub-provincial"] == 15
    assert by_level["sar"] == 2
    whole = [c for c in all_cities() if c.level in ("sub-provincial", "prefecture")]
    assert len([c for c in whole if c.zh_full.endswith("市")]) == 293
    assert len(whole) == 333  # with 7 regions, 30 autonomous prefectures and 3 leagues


def test_names_are_unique_in_their_province_and_ascii() -> None:
    assert len({(c.province_code, c.zh) for c in all_cities()}) == len(all_cities())
    assert len({(c.province_code, c.en) for c in all_cities()}) == len(all_cities())
    assert all(c.en.isascii() and c.en[0].isupper() and not c.en.endswith(" City") for c in all_cities())
    assert all(c.zh_full.startswith(c.zh) for c in all_cities())


def test_every_place_belongs_to_a_city_and_says_what_it_needs() -> None:
    rows = place_rows()
    assert len(rows) > 2500
    assert [r for r in rows if city_by_code(r.code) is None] == []
    assert {r.needs for r in rows} == {"bare", "suffix", "city", "word"}
    assert all(r.kind == "place" for r in rows)


def test_no_name_is_a_single_character() -> None:
    assert [n for n in names().zh if len(n) < 2] == []


@pytest.mark.parametrize(
    ("code", "en", "zh"),
    [
        ("440300", "Shenzhen", "深圳"),
        ("610100", "Xi'an", "西安"),
        ("650100", "Urumqi", "乌鲁木齐"),
        ("150100", "Hohhot", "呼和浩特"),
        ("341500", "Lu'an", "六安"),
        ("133100", "Xiong'an", "雄安"),
        ("810000", "Hong Kong", "香港"),
        ("820000", "Macao", "澳门"),
        ("330700", "Jinhua", "金华"),
        ("540600", "Nagqu", "那曲"),
    ],
)
def test_a_city_is_found_by_code_and_by_either_name(code: str, en: str, zh: str) -> None:
    city = city_by_code(code)
    assert city is not None
    assert (city.en, city.zh) == (en, zh)
    assert city_by_name(en) == city_by_name(zh) == city_by_name(city.zh_full) == city


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Shenzhen City", "440300"),
        ("  shenzhen ", "440300"),
        ("Xi\u2019an", "610100"),
        ("Ürümqi", "650100"),
        ("Macau", "820000"),
        ("Suzhou", "320500"),
        ("宿州", "341300"),
        ("吉林市", "220200"),
        ("Jilin City", "220200"),
        ("延边州", "222400"),
        ("Taizhou", None),
        ("台州市", "331000"),
        ("广东", None),
        ("海淀", None),
        ("Atlantis", None),
        ("", None),
    ],
)
def test_city_by_name(name: str, code: str | None) -> None:
    city = city_by_name(name)
    assert (city.code if city else None) == code


def test_every_city_is_found_by_the_names_it_prints() -> None:
    shared = {"Suzhou", "Fuzhou", "Taizhou", "Yulin", "Yichun"}
    assert [c for c in all_cities() if c.en not in shared and city_by_name(c.en) != c] == []
    assert [c for c in all_cities() if not city_by_name(c.zh) == city_by_name(c.zh_full) == c] == []


def test_an_unknown_code_is_no_city() -> None:
    assert city_by_code("999999") is None


# ---- districts, zones and abbreviations lead to their city


@pytest.mark.parametrize(
    ("text", "city"),
    [
        ("前海管理局印发人工智能产业扶持办法。", "Shenzhen"),
        ("光明科学城启动算力中心建设。", "Shenzhen"),
        ("河套深港科技创新合作区出台人工智能专项政策。", "Shenzhen"),
        ("浦东新区发布大模型应用场景清单。", "Shanghai"),
        ("张江集聚人工智能企业五百家。", "Shanghai"),
        ("临港新片区建设智算中心。", "Shanghai"),
        ("徐汇滨江的“模速空间”开放算力券申领。", "Shanghai"),
        ("中关村科学城支持具身智能企业落户。", "Beijing"),
        ("海淀区出台大模型支持措施。", "Beijing"),
        ("北京经开区启动机器人示范应用。", "Beijing"),
        ("亦庄开放自动驾驶道路。", "Beijing"),
        ("余杭区发布人工智能人才政策。", "Hangzhou"),
        ("苏州工业园区设立人工智能基金。", "Suzhou"),
        ("昆山市推动机器人产业集聚。", "Suzhou"),
        ("东湖高新区建设人工智能计算中心。", "Wuhan"),
        ("光谷启动算力券发放。", "Wuhan"),
        ("天府新区打造人工智能产业园。", "Chengdu"),
        ("两江新区布局智算中心。", "Chongqing"),
        ("西咸新区建设大数据产业园。", "Xi'an"),
        ("雄安新区建设城市计算中心。", "Xiong'an"),
        ("横琴粤澳深度合作区出台人工智能扶持办法。", "Zhuhai"),
        ("松山湖建设机器人产业基地。", "Dongguan"),
        ("贵安新区集聚智算中心。", "Guiyang"),
        ("滨海新区培育人工智能产业集群。", "Tianjin"),
        ("和林格尔新区打造绿色算力基地。", "Hohhot"),
        ("义乌市推广人工智能翻译应用。", "Jinhua"),
        ("东阳市出台机器人补贴政策。", "Jinhua"),
        ("江阴市建设车联网示范区。", "Wuxi"),
        ("慈溪市推进智能制造。", "Ningbo"),
        ("顺德区机器人产业园投产。", "Foshan"),
        ("Qianhai will set up an AI fund.", "Shenzhen"),
        ("Pudong New Area released a list of AI scenarios.", "Shanghai"),
        ("Lingang Special Area in Shanghai plans a computing cluster.", "Shanghai"),
        ("Zhangjiang is home to a cluster of AI chip firms.", "Shanghai"),
        ("Zhongguancun will support large models.", "Beijing"),
        ("Haidian District issued a plan for embodied AI.", "Beijing"),
        ("Yizhuang has opened 300 roads to driverless cars.", "Beijing"),
        ("Yuhang District will fund AI start-ups.", "Hangzhou"),
        ("The Optics Valley has built a computing centre.", "Wuhan"),
        ("Suzhou Industrial Park set up an AI fund.", "Suzhou"),
        ("Hengqin will subsidise computing.", "Zhuhai"),
        ("Nansha District of Guangzhou opened a test road for driverless taxis.", "Guangzhou"),
        ("Tianfu New Area plans an AI park.", "Chengdu"),
        ("Liangjiang New Area built a data centre.", "Chongqing"),
        ("Xiong'an New Area launched a city computing centre.", "Xiong'an"),
        ("Kunshan will build a robot base.", "Suzhou"),
    ],
)
def test_a_district_or_zone_counts_to_its_city(text: str, city: str) -> None:
    assert subjects(text) == {city}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("深府〔2024〕12号 关于加快人工智能发展的通知", {"440300"}),
        ("沪府办发〔2023〕5号", {"310000"}),
        ("京政发〔2021〕21号", {"110000"}),
        ("支持在沪企业使用算力券。", {"310000"}),
        ("吸引人工智能人才来深创业。", {"440300"}),
        ("推进疆算入渝。", {"500000"}),
        ("模型正在深入研究。", set()),
        ("外国学生在汉语课上使用智能体。", set()),
        ("企业现在深度参与算力建设。", set()),
        ("每月发放津贴两千元。", set()),
    ],
)
def test_one_character_counts_only_in_a_safe_place(text: str, found: set[str]) -> None:
    assert codes(text) == found


@pytest.mark.parametrize(
    ("text", "city"),
    [
        ("北京市海淀區發布人工智能行動計劃。", "Beijing"),
        ("蘇州出台算力補貼辦法。", "Suzhou"),
        ("廣州市印發大模型若干措施。", "Guangzhou"),
        ("臺州市推動機器人產業發展。", "Taizhou"),
        ("香港特區政府將推出人工智能資助計劃。", "Hong Kong"),
        ("烏魯木齊建設智算中心，推動數據產業發展。", "Urumqi"),
    ],
)
def test_traditional_characters_read_as_simplified(text: str, city: str) -> None:
    assert subjects(text) == {city}


# ---- names that are something else


@pytest.mark.parametrize(
    "text",
    [
        "广东路正在维修。",
        "深圳大道与北京路交叉口。",
        "南京东路步行街装上机器人。",
        "上海路和天津街的路灯。",
        "东西安排得当，文件清楚。",
        "复合肥料价格上涨。",
        "两国大同小异，同事也说世界大同。",
        "这是广大同学的期待。",
        "长春花正在开放。",
        "早餐吃三明治。",
        "会议提出三明确要求。",
        "和田玉与田径、足球和田径比赛。",
        "玩德州扑克的人工智能。",
        "德州仪器发布芯片。",
        "孙中山先生与中山装。",
        "金华火腿与重庆小面、南京板鸭。",
        "船只驶向出海口和入海口。",
        "北京时间八点整。",
        "确保国家长治久安。",
        "今天隆重庆祝节日，共同庆祝双重庆典。",
        "推动经济南下西进。",
        "海南省和吉林省推进人工智能。",
        "山东营商环境持续优化，云南通报两起案例，湖南通过条例。",
        "各位来宾，大家好。",
        "白银价格下跌，黄金白银走弱。",
        "阿里巴巴发布大模型。",
        "日照时间变长。",
        "祝大家幸福安康。",
        "文章刊于光明日报，前途光明。",
        "和平与发展，和平区域合作。",
        "在以上海外市场中份额最大，线上海量数据。",
        "朝阳产业与南山的松树，西湖龙井。",
        "鼓楼区设立服务站。",
        "Jilin Province and Hainan Province published AI plans.",
        "Jilin plans a large model for farming.",
        "The shop is on Nanjing East Road.",
        "Guangdong Road and Beijing West Road are closed.",
        "Meet us in Shenzhen Avenue.",
        "The Guangming Daily ran a story about robots.",
        "Tensions between Washington and Beijing over chips.",
        "The Shanghai Cooperation Organization met.",
        "A plan for the Beijing-Tianjin-Hebei region.",
        "A map of Gulou District.",
        "",
        "。",
    ],
)
def test_not_a_city(text: str) -> None:
    assert find_cities(None, text) == ()


@pytest.mark.parametrize(
    ("text", "city"),
    [
        ("上海证券交易所发布人工智能指数。", "Shanghai"),
        ("南京大学发布大模型研究成果。", "Nanjing"),
        ("北京邮电大学建设人工智能学院。", "Beijing"),
        ("合肥工业大学开展机器人研究。", "Hefei"),
        ("据深圳特区报报道，人工智能发展迅速。", "Shenzhen"),
        ("新华社杭州6月1日电 我国人工智能产业将加快发展。", "Hangzhou"),
        ("深圳市云跃机器人科技有限公司发布新品。", "Shenzhen"),
        ("一场人工智能论坛在成都举行。", "Chengdu"),
        ("Shenzhen Stock Exchange listed an AI index.", "Shenzhen"),
        ("Nanjing University released a large model.", "Nanjing"),
        ("Shanghai Jiao Tong University built a robot.", "Shanghai"),
        ("Shenzhen-based UBTech released a robot.", "Shenzhen"),
        ("BEIJING, June 1 (Xinhua) -- China's AI industry grew.", "Beijing"),
        ("An AI forum was held in Chengdu.", "Chengdu"),
        ("The start-up is headquartered in Hangzhou and makes chips.", "Hangzhou"),
    ],
)
def test_an_institution_dateline_or_venue_is_only_a_mention(text: str, city: str) -> None:
    assert (subjects(text), mentioned(text)) == (set(), {city})


# ---- one name, several places


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("北京市朝阳区建设人工智能产业园。", {"110000"}),
        ("朝阳市出台数据标注支持政策。", {"211300"}),
        ("辽宁朝阳推进算力中心建设。", {"211300"}),
        ("长春朝阳区建设机器人基地。", {"220100"}),
        ("朝阳群众关注人工智能。", set()),
        ("吉林市建设人工智能产业园。", {"220200"}),
        ("吉林将建设人工智能产业园。", set()),
        ("北京城市副中心所在的通州区发放算力券。", {"110000"}),
        ("南通市通州区推进智能制造。", {"320600"}),
        ("深圳市南山区发布机器人政策。", {"440300"}),
        ("鹤岗市南山区推进数据标注。", {"230400"}),
        ("重庆市江北区建设算力平台。", {"500000"}),
        ("宁波江北区建设算力平台。", {"330200"}),
        ("福州鼓楼区印发智能体管理办法。", {"350100"}),
        ("南京市鼓楼区印发智能体管理办法。", {"320100"}),
        ("南京江北新区建设智算中心。", {"320100"}),
        ("杭州市西湖区发放算力券。", {"330100"}),
        ("天津市和平区推出机器人导览。", {"120000"}),
        ("沈阳市和平区推出机器人导览。", {"210100"}),
        ("甘肃白银建设智算中心。", {"620400"}),
        ("海南州建设清洁能源算力园。", {"632500"}),
        ("西安市的政策与东西安排无关。", {"610100"}),
        ("Suzhou will subsidise computing.", {"320500"}),
        ("Suzhou in Anhui Province will subsidise computing.", {"341300"}),
        ("宿州市建设大数据产业园。", {"341300"}),
        ("Fuzhou will subsidise computing.", {"350100"}),
        ("Fuzhou, Jiangxi, will subsidise computing.", {"361000"}),
        ("Taizhou, Jiangsu Province, plans an AI park.", {"321200"}),
        ("Taizhou in Zhejiang Province plans an AI park.", {"331000"}),
        ("Taizhou plans an AI park.", set()),
        ("Yulin, Shaanxi, plans a data centre.", {"610800"}),
        ("Yulin in Guangxi plans a data centre.", {"450900"}),
        ("Yichun, Heilongjiang, plans a data centre.", {"230700"}),
        ("Yichun, Jiangxi, plans a data centre.", {"360900"}),
        ("Beijing's Chaoyang District will build an AI park.", {"110000"}),
        ("Chaoyang District, Beijing, will build an AI park.", {"110000"}),
        ("Chaoyang in Liaoning will build an AI park.", {"211300"}),
        ("Chaoyang will build an AI park.", set()),
        ("Shanghai's Huangpu District and its AI plan.", {"310000"}),
        ("Guangzhou's Huangpu District and its AI plan.", {"440100"}),
        ("Jilin City plans an AI park.", {"220200"}),
        ("Yulin will build a data centre. The Guangxi government pays.", {"450900"}),
        ("Officials of Jiangxi said that Fuzhou will subsidise computing.", {"361000"}),
        ("Taizhou will join Ningbo in an AI alliance.", {"331000", "330200"}),
        ("Xian and Xi\u2019an are one city.", {"610100"}),
        ("Lu'an in Anhui plans an AI park.", {"341500"}),
    ],
)
def test_a_shared_name_goes_by_its_context(text: str, found: set[str]) -> None:
    assert codes(text) == found


# ---- subject or mentioned


@pytest.mark.parametrize(
    ("title", "text", "subject", "mention"),
    [
        (
            "深圳发布人工智能行动计划",
            "计划提出到2026年建成智算中心，与北京、上海相比各有侧重。",
            {"Shenzhen"},
            {"Beijing", "Shanghai"},
        ),
        ("深圳发布人工智能行动计划", "这一做法借鉴了杭州的经验。", {"Shenzhen"}, {"Hangzhou"}),
        (None, "合肥市政府印发通知，支持机器人产业。对标苏州，补齐短板。", {"Hefei"}, {"Suzhou"}),
        (None, "支持济南、青岛建设智算中心，烟台办好海洋节。", {"Jinan", "Qingdao"}, {"Yantai"}),
        (None, "韶关数据中心集群投产，到广州、深圳的时延为3毫秒。", {"Shaoguan"}, {"Guangzhou", "Shenzhen"}),
        (None, "珠海与澳门共建智算中心。", {"Zhuhai"}, {"Macao"}),
        (None, "东莞入选技术改造试点。韶关数据中心集群投产。", {"Shaoguan"}, {"Dongguan"}),
        (None, "Yantai will build a computing hall linked to Jinan.", {"Yantai"}, {"Jinan"}),
        (None, "The train from Shanghai to Kunming carries a robot.", set(), {"Shanghai", "Kunming"}),
        (None, "Guilin will rent GPUs from a Guangzhou operator.", {"Guilin"}, {"Guangzhou"}),
        (None, "成都已有人工智能平台60个。重庆正布局大模型公共服务平台。", {"Chengdu", "Chongqing"}, set()),
        (None, "武汉印发算力券办法。焦作的一家材料企业用上了大模型。", {"Wuhan"}, {"Jiaozuo"}),
        (None, "2026世界人工智能大会将在上海开幕。", {"Shanghai"}, set()),
        (
            None,
            "Hefei will build a 2,000-petaflop computing centre, behind only Beijing and Shanghai.",
            {"Hefei"},
            {"Beijing", "Shanghai"},
        ),
        (
            "Guangzhou issues AI plan",
            "The plan funds models. Such rules exist in other cities such as Shenzhen, Hangzhou and Wuhan.",
            {"Guangzhou"},
            {"Shenzhen", "Hangzhou", "Wuhan"},
        ),
        (
            None,
            "The Changsha municipal government issued AI rules. A survey team flew to Beijing last week.",
            {"Changsha"},
            {"Beijing"},
        ),
    ],
)
def test_subject_or_mentioned(title: str | None, text: str, subject: set[str], mention: set[str]) -> None:
    assert (subjects(text, title), mentioned(text, title)) == (subject, mention)


def test_a_short_first_line_counts_as_the_title() -> None:
    text = "宁波出台算力券办法\n办法分六章。专家说，北京与上海走在前面。"
    assert subjects(text) == {"Ningbo"}


def test_a_title_outweighs_one_fact_of_another_city() -> None:
    title, text = "杭州出台算力券办法", "办法分六章。宁波去年建设智算中心。"
    assert subjects(text) == {"Ningbo"}
    assert (subjects(text, title), mentioned(text, title)) == ({"Hangzhou"}, {"Ningbo"})


def test_subjects_come_first_then_the_stronger() -> None:
    text = "深圳市政府印发人工智能计划。深圳将建设智算中心。东莞将建设机器人基地。总部位于北京的机构参加。"
    assert find_cities(None, text) == (
        CityTag("440300", "Shenzhen", CityRole.SUBJECT),
        CityTag("441900", "Dongguan", CityRole.SUBJECT),
        CityTag("110000", "Beijing", CityRole.MENTIONED),
    )


def test_a_city_is_tagged_once() -> None:
    tags = find_cities("深圳与Shenzhen", "深圳南山、前海和宝安都在Shenzhen，深府〔2024〕1号。")
    assert [t.city for t in tags] == ["Shenzhen"]


# ---- any text


@settings(max_examples=150, deadline=None)
@given(st.none() | st.text(max_size=40), st.text(max_size=400))
@example("\ud800", "\udfff國務院與蘇州\x00")
def test_any_text_gives_the_same_valid_tags_twice(title: str | None, text: str) -> None:
    tags = find_cities(title, text)
    assert tags == find_cities(title, text)
    assert all(city_by_code(t.city_code) is not None for t in tags)


NAMES_AND_CUES = (
    *("深圳", "市", "区", "朝阳", "南京", "大学", "路", "在", "沪", "、", "，", "。", "\n", "吉林", "東莞"),
    *("与", "相比", "算力", "建设", "举行", "〔2024〕", "深府", "<p>"),
    *("Suzhou", "Chaoyang", " District", ", ", "'s ", "Jilin", " in ", "University"),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(NAMES_AND_CUES), max_size=40))
def test_any_order_of_names_and_cues_is_read(pieces: list[str]) -> None:
    tags = find_cities(None, "".join(pieces))
    assert len({t.city_code for t in tags}) == len(tags)
    roles = [t.role for t in tags]
    assert roles == sorted(roles, key=lambda r: r is not CityRole.SUBJECT)


def test_subject_cities_of_labelled_texts() -> None:
    """Micro-F1 of the subject cities over the relevant items coded by people."""
    file = SHARED / "data" / "labels" / "dev.jsonl"
    if not file.exists():
        pytest.skip("the labelled set ../shared/data/labels/dev.jsonl is not here")
    hit = over = missed = 0
    for line in file.read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        if item["relevant"] is not True:
            continue
        found, wanted = subjects(item["text"]), set(item["cities"])
        hit += len(found & wanted)
        over += len(found - wanted)
        missed += len(wanted - found)
    assert 2 * hit / (2 * hit + over + missed) >= 0.90
