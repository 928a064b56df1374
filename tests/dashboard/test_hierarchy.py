from __future__ import annotations

import datetime as dt

import pytest

from api import schemas
from dashboard.hierarchy import Place, Product, level_of, levels_of, node_id, places, products, shown_level

RUN = schemas.RunRef(run_id="r", model="m", origin=dt.date(2016, 5, 22), horizon_days=28, published_at=None)


def store(name: str, region: str) -> schemas.Store:
    return schemas.Store(store_id=name, region_id=region, series_count=1, departments=["A_1"], run=RUN)


def test_places_by_products_are_the_twelve_levels_once_each() -> None:
    some_places = (Place(), Place("region", "R"), Place("store", "S"))
    some_products = (Product(), Product("category", "C"), Product("department", "D"))
    levels = [level_of(place, product)[0] for place in some_places for product in some_products]
    levels += [level_of(place, Product("department", "D"), "I")[0] for place in some_places]
    assert sorted(levels) == list(range(1, 13))


@pytest.mark.parametrize(
    ("place", "product", "item", "expected"),
    [
        ("all", "all", None, "total"),
        ("store:CA_1", "all", None, "store:CA_1"),
        ("all", "department:FOODS_3", None, "department:FOODS_3"),
        ("store:CA_1", "department:FOODS_3", None, "store_department:CA_1|FOODS_3"),
        ("region:CA", "category:FOODS", None, "region_category:CA|FOODS"),
        ("region:CA", "department:FOODS_3", "FOODS_3_001", "item_region:FOODS_3_001|CA"),
        ("all", "department:FOODS_3", "FOODS_3_001", "item:FOODS_3_001"),
    ],
)
def test_node_ids_are_those_of_the_store(place: str, product: str, item: str | None, expected: str) -> None:
    assert node_id(Place.parse(place), Product.parse(product), item) == expected


@pytest.mark.parametrize("text", [None, "", "all", "nonsense", "region:", "planet:Earth", "store"])
def test_an_address_that_means_nothing_is_everything(text: str | None) -> None:
    assert Place.parse(text) == Place()
    assert Product.parse(text) == Product()


def test_parse_and_text_are_inverse() -> None:
    for text in ("all", "region:CA", "store:CA_1"):
        assert Place.parse(text).text == text
    for text in ("all", "category:FOODS", "department:FOODS_3"):
        assert Product.parse(text).text == text


def test_stores_stand_below_their_region() -> None:
    listed = places([store("TX_1", "TX"), store("CA_2", "CA"), store("CA_1", "CA")])
    assert [place.text for place in listed] == [
        "all",
        "region:CA",
        "store:CA_1",
        "store:CA_2",
        "region:TX",
        "store:TX_1",
    ]


def test_a_region_that_is_every_store_is_not_offered() -> None:
    assert [place.text for place in places([store("2", "all"), store("1", "all")])] == ["all", "store:1", "store:2"]


def test_one_store_is_not_offered_as_everything() -> None:
    assert places([store("CA_1", "CA")]) == [Place("store", "CA_1")]


def test_departments_stand_below_their_category() -> None:
    departments = [
        schemas.Department(department_id=name, category_id=name[0], series_count=1, stores=["S"])
        for name in ("B_1", "A_2", "A_1")
    ]
    assert [product.text for product in products(departments)] == [
        "all",
        "category:A",
        "department:A_1",
        "department:A_2",
        "category:B",
        "department:B_1",
    ]


def department(name: str, category: str) -> schemas.Department:
    return schemas.Department(department_id=name, category_id=category, series_count=1, stores=["S"])


def test_one_department_is_not_offered_as_a_choice() -> None:
    assert products([department("D", "C")]) == [Product("department", "D")]


def test_levels_that_are_another_one_are_not_shown() -> None:
    stores = [store("CA_1", "CA"), store("CA_2", "CA"), store("TX_1", "TX")]
    many = [one.model_copy(update={"series_count": 9}) for one in stores]
    some = [department("A", "C"), department("B", "C"), department("X", "Y")]
    assert levels_of(many, some) == set(range(13))
    assert levels_of(stores, [department("all", "all")]) == {0, 1, 2, 3}  # whole stores
    assert levels_of(many, [department("all", "all")]) == {0, 1, 2, 3, 10, 11, 12}
    assert levels_of(many[1:], some[1:]) == {0, 1, 3, 5, 9, 10, 12}  # a region a store, a category a department
    assert levels_of(many[:1], some) == {0, 1, 4, 5, 10}


def test_a_level_that_is_not_shown_goes_by_the_one_that_is() -> None:
    assert [shown_level(level, {0, 1, 2, 3}) for level in (1, 5, 9, 12, 7)] == [1, 1, 3, 3, 2]
    assert shown_level(7, {0, 1, 3, 5, 9}) == 7  # departments tell apart: nothing stands in
