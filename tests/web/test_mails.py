from email.message import EmailMessage

from hub.web.pages.templates import asked_for


def put(
    hub,
    key="<1@localhost>",
    html="<p>Hello <b>Ada</b></p><script>alert(1)</script>",
    subject="Welcome",
    attachments=(),
):
    mail = EmailMessage()
    mail["Subject"], mail["To"], mail["From"], mail["Message-ID"] = subject, "ada@example.com", "hub@example.com", key
    mail.set_content("Hello Ada")
    mail.add_alternative(html, subtype="html")
    for name, kind, content in attachments:
        mail.add_attachment(content, maintype="application", subtype=kind, filename=name)
    hub.store.put_mail(key, bytes(mail), recipient="ada@example.com", subject=subject, now=hub.now())
    return "/outbox/%3C1@localhost%3E"


def test_the_outbox_says_what_it_is_for(admin):
    page = admin.page("/outbox")
    assert "No mails" in page
    assert "Connect a mail server" in page


def test_a_mail_is_read_as_text_and_as_html_in_a_frame_that_may_do_nothing(hub, admin):
    address = put(hub)
    page = admin.page(address)
    assert "Hello Ada" in page
    assert "<script>alert" not in page
    assert '<iframe class="hub-mail" title="The mail" sandbox ' in page
    framed = admin.get(address.replace("/outbox/", "/outbox-html/"))
    policy = framed.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "script-src" not in policy
    assert framed.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "<b>Ada</b>" in framed.text


def test_what_is_attached_is_listed_and_opened(hub, admin):
    paper, other = b"%PDF-1.7 paper", b"<script>alert(1)</script>"
    address = put(hub, attachments=[("invoice-1.pdf", "pdf", paper), ("<b>.html", "xhtml+xml", other)])
    page = admin.page(address)
    assert "invoice-1.pdf" in page
    assert "&lt;b&gt;.html" in page
    opened, saved = (admin.get(address.replace("/outbox/", f"/outbox-attachment/{place}/")) for place in (0, 1))
    assert (opened.data, opened.content_type) == (paper, "application/pdf")
    assert opened.headers["Content-Disposition"] == "inline; filename=invoice-1.pdf"
    assert (saved.data, saved.content_type) == (other, "application/octet-stream")
    assert saved.headers["Content-Disposition"].startswith("attachment;")
    assert admin.get(address.replace("/outbox/", "/outbox-attachment/2/")).status_code == 404


def test_a_mail_without_attachments_lists_none(hub, admin):
    assert "Attached" not in admin.page(put(hub))


def test_a_mails_subject_is_never_markup(hub, admin):
    put(hub, subject="<script>alert(1)</script>")
    assert "<script>alert" not in admin.page("/outbox")


def test_a_template_that_comes_with_the_hub_is_changed_and_given_back(hub, admin):
    assert "comes with the hub" in admin.page("/templates")
    admin.post("/templates/receipt", text="---\nsubject: Mine\n---\nHello ${ name }\n", data='{"name": "Ada"}')
    assert hub.store.file("template", "receipt").startswith("---\nsubject: Mine")
    assert "changed by you" in admin.page("/templates")
    admin.post("/templates/receipt/delete")
    assert hub.store.file("template", "receipt") is None
    assert "Mine" not in admin.page("/templates/receipt")


def test_a_new_template_needs_a_name_that_recipes_can_write(hub, admin):
    answer = admin.post("/new-template", name="Bad Name", text="Hello", data="{}")
    assert answer.status_code == 422
    admin.post("/new-template", name="hello", text="Hello", data="{}")
    assert hub.store.file("template", "hello") == "Hello"
    assert {"template.save"} <= {row["action"] for row in hub.store.audit_trail()}


def test_the_preview_is_what_the_mail_connector_makes_and_sends_nothing(hub, admin):
    text = "---\nsubject: For ${ name }\n---\nHello **${ name }**, <script>\n"
    answer = admin.post("/template-preview", text=text, data='{"name": "<b>Ada</b>"}')
    assert answer.status_code == 200
    assert "<strong>&lt;b&gt;Ada&lt;/b&gt;</strong>" in answer.text
    assert "<script>" not in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("sandbox;")
    assert hub.store.mails() == []


def test_the_preview_says_what_is_wrong(admin):
    answer = admin.post("/template-preview", text="Hello ${ name }", data="{}")
    assert answer.status_code == 422
    assert "name" in answer.text
    assert admin.post("/template-preview", text="x", data="{").status_code == 422


def test_what_a_template_asks_for_is_seen_without_functions_and_texts():
    text = "Hello ${ default(customer.name, 'you') }, ${ format_money(total, \"en\") } ${ total }"
    assert asked_for(text) == ["customer.name", "total"]
