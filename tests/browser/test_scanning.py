"""Scanning goods on a phone: the camera reads a printed label, a hand scanner types quickly, nothing typed is lost."""

import io

import pypdfium2
import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import expect

from hub.commerce.catalogue_items import store_catalogue
from hub.commerce.labels import Label, label_sheets
from tests.conftest import FLAGS

from .conftest import PATIENCE, PHONE, log_in

CATALOGUE = """\
catalogue: 1
items:
  - {sku: TEA-01, title: Green tea, prices: {EUR: 12.50}, stock: 5}
  - {sku: MUG-02, title: Mug, barcode: "4006381333931", prices: {EUR: 8.00}}
"""


@pytest.fixture
def shop(live):
    live.hub.office("test").change(lambda book: store_catalogue(book, "shop", CATALOGUE))
    return live


@pytest.fixture
def filmed(tmp_path, live):
    """A film for Chromium's camera: a printed label of the hub's, held before it."""
    sheet = pypdfium2.PdfDocument(label_sheets([Label("TEA-01", "Green tea", "€12.50")], live.clock()))
    label = sheet[0].render(scale=5).to_pil().crop((0, 0, 1000, 530)).resize((640, 340)).convert("RGB")
    frame = Image.new("RGB", (640, 480), "#667")
    frame.paste(label, (0, 70))
    picture = io.BytesIO()
    frame.save(picture, "JPEG", quality=92)
    film = tmp_path / "label.mjpeg"
    film.write_bytes(picture.getvalue() * 40)
    return film


@pytest.fixture
def phone(chromium, chromium_path, shop, filmed):
    """A phone with a camera that sees the label."""
    camera = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    film = f"--use-file-for-fake-video-capture={filmed}"
    browser = chromium.browser_type.launch(executable_path=chromium_path, args=[*FLAGS, *camera, film])
    context = browser.new_context(viewport=PHONE, base_url=shop.address, permissions=["camera"], locale="en-GB")
    context.set_default_timeout(PATIENCE)
    yield log_in(context.new_page(), "editor")
    browser.close()


def quantity(page, title):
    return page.get_by_label(f"Quantity of {title}")


def scan(page, code):
    """A hand scanner types a code and presses Enter."""
    page.get_by_label("Code", exact=True).fill(code)
    page.keyboard.press("Enter")


def test_the_camera_reads_a_printed_label_once_while_it_is_in_sight(phone):
    phone.goto("/scan")
    phone.get_by_role("button", name="Camera").click()
    expect(phone.get_by_text("Green tea")).to_be_visible()
    expect(phone.get_by_role("status").filter(has_text="Added: TEA-01")).to_be_visible()
    expect(phone.get_by_label("What the camera sees")).to_be_visible()
    expect(quantity(phone, "Green tea")).to_have_value("1")
    phone.get_by_role("button", name="Camera").click()
    expect(phone.get_by_label("What the camera sees")).to_be_hidden()
    phone.get_by_role("button", name="Place the order").click()
    expect(phone.get_by_role("heading", name="Order 1")).to_be_visible()


def test_a_camera_that_is_not_allowed_is_said(shop, open_browser):
    page = log_in(open_browser(PHONE), "editor")
    page.goto("/scan")
    page.get_by_role("button", name="Camera").click()
    expect(page.get_by_role("status").filter(has_text="The camera")).to_contain_text("type the codes")


def test_quick_scans_all_count_and_what_is_wrong_is_said_at_the_line(shop, open_browser):
    page = log_in(open_browser(PHONE), "editor")
    page.goto("/scan")
    scan(page, "NONSENSE")
    expect(page.locator("[data-said]")).to_have_text("Not in the catalogue: NONSENSE")
    for code in ("TEA-01", "4006381333931", "tea-01", "MUG-02"):
        scan(page, code)
    expect(quantity(page, "Green tea")).to_have_value("2")
    expect(quantity(page, "Mug")).to_have_value("2")
    expect(page.get_by_role("alert")).to_contain_text("The catalogue has no such code.")
    expect(page.locator("[data-total]")).to_have_text("€41.00")
    page.get_by_role("button", name="Take NONSENSE away").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    for typed, said in (("0", "Zero of it"), ("6", "Only 5 are left.")):
        quantity(page, "Green tea").fill(typed)
        page.keyboard.press("Tab")
        expect(page.get_by_role("alert")).to_contain_text(said)
        expect(quantity(page, "Green tea")).to_have_value(typed)
    page.reload()
    expect(quantity(page, "Green tea")).to_have_value("6")
    quantity(page, "Green tea").fill("5")
    page.get_by_label("Name").fill("Corner Shop")
    page.get_by_role("button", name="Place the order").click()
    expect(page.get_by_role("heading", name="Order 1")).to_be_visible()
    shown = Image.open(io.BytesIO(page.locator(".hub-order-code").screenshot()))
    (code,) = zxingcpp.read_barcodes(shown)
    customer = open_browser(PHONE)
    customer.goto(code.text)
    expect(customer.get_by_role("heading", name="€78.50")).to_be_visible()


def test_a_hub_that_does_not_answer_loses_no_scan(shop, open_browser):
    page = log_in(open_browser(PHONE), "editor")
    page.goto("/scan")
    scan(page, "TEA-01")
    expect(quantity(page, "Green tea")).to_have_value("1")
    page.route(
        "**/scan",
        lambda route: route.fulfill(status=422, body="") if route.request.method == "POST" else route.continue_(),
    )
    scan(page, "MUG-02")
    expect(page.get_by_role("status").filter(has_text="Not added yet: MUG-02")).to_be_visible()
    page.unroute("**/scan")
    scan(page, "TEA-01")
    expect(quantity(page, "Mug")).to_have_value("1")
    expect(quantity(page, "Green tea")).to_have_value("2")


def test_an_order_waits_for_a_scan_that_is_still_on_its_way(shop, open_browser):
    page = log_in(open_browser(PHONE), "editor")
    held = []

    page.goto("/scan")
    page.route("**/scan", lambda route: route.continue_() if held else held.append(route))
    scan(page, "TEA-01")
    page.get_by_role("button", name="Place the order").click()
    expect(page.get_by_role("status").filter(has_text="Placing the order")).to_be_visible()
    page.get_by_role("button", name="Place the order").click()
    held[0].continue_()
    expect(page.get_by_role("heading", name="Order 1")).to_be_visible()
    expect(page.get_by_text("Green tea").first).to_be_visible()
    assert shop.hub.office("test").call("orders", "get", {"order": "1"}, "look")["total"]["minor"] == 1250


def test_an_order_is_not_placed_without_a_scan_that_nobody_answers(shop, open_browser):
    page = log_in(open_browser(PHONE), "editor")
    page.goto("/scan")
    scan(page, "TEA-01")
    expect(quantity(page, "Green tea")).to_have_value("1")
    page.route("**/scan", lambda route: route.fulfill(status=422, body=""))
    scan(page, "MUG-02")
    page.get_by_role("button", name="Place the order").click()
    expect(page.get_by_role("status").filter(has_text="Not added yet: MUG-02")).to_contain_text("place the order")
    page.unroute("**/scan")
    page.get_by_role("button", name="Place the order").click()
    expect(page.get_by_role("heading", name="Order 1")).to_be_visible()
    expect(page.get_by_text("€20.50").first).to_be_visible()


def test_the_page_takes_codes_before_its_script_is_there(shop, open_browser):
    page = log_in(open_browser(PHONE), "editor")
    page.route("**/*.js", lambda route: None if "scan" in route.request.url else route.continue_())
    page.goto("/scan", wait_until="commit")
    scan(page, "TEA-01")
    expect(quantity(page, "Green tea")).to_have_value("1")
    scan(page, "MUG-02")
    expect(quantity(page, "Mug")).to_have_value("1")
    page.get_by_label("Name").fill("Corner Shop")
    page.get_by_role("button", name="Place the order").click(no_wait_after=True)
    expect(page.get_by_role("heading", name="Order 1")).to_be_visible()
    expect(page.get_by_text("€20.50").first).to_be_visible()
