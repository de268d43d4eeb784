"""OAuth 1.0a of Mastercard's API platform: every vector of Mastercard's own signer for Python (oauth1-signer-python, MIT)."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from connectors.mastercard.oauth import (
    Signer,
    base_string,
    body_hash,
    new_nonce,
    normalised_parameters,
    normalised_url,
    percent_encoded,
    read_key,
)
from hub.errors import ConfigError

# The key that its tests sign with (test_key_container.p12, commit b61476eb); it opens nothing.
PASSWORD = "Password1"
KEY_FILE = (
    "MIIJswIBAzCCCWwGCSqGSIb3DQEHAaCCCV0EgglZMIIJVTCCBXEGCSqGSIb3DQEHAaCCBWIEggVeMIIFWjCCBVYGCyqGSIb3DQEMCgECoIIE+zCC"
    "BPcwKQYKKoZIhvcNAQwBAzAbBBSF7Xi5dSM4qAUHBbHvdv9n+5kiFAIDAMNQBIIEyNA3XK1I7H2pvZ7K09tFKqB0PQBgnvq2XEZ02LcehXpDLhqz"
    "rLIgBZJcb7Rj6WO34QVHHK3Qn+mmbAXtrlHctSRmMGQzqxqi3fJ1Sp0BDXrEI5mUbU/4kKO4mE/hvgc9mjJYjig8KVy4KGhoLfkGXVag6nuFOs3C"
    "6vl/Zfd7xLcphw6sEphaE7oHJ38g7Pf/vi8ceraTQqtxu3dSUT0ahFWpwNB6AT3I6ZD2TIz6CuCjcG3wTg/3+PU706OyIfEL9BNw2FjXxQVInsQo"
    "sr1ZSuUrh022Xxtwul9A0H8LeioNkxvsoXiQF/xHHw6c6cHhMPrC4wsPM81C/y2cz4Br7mC+S2jfeQ7uPIQJnEfweHXqcE6llOSTXTd9OJgvDENs"
    "XVDeESeJ1Cby4ja5CEV1z/YRGTe3HrdB1Y8taJMZEl3C07log2t5XHaTo51F1N9OVQiRLYhKNxUGFek7VjQ1EkBKlp3VVaDP0NwEsit++DP8AWnT"
    "tSL5/acQjKLdJ1BfuQOAzjexGAyzfqTWEdDXAC7KFJ3gToTMdqaMUKrixcTMOdeA0goUPc0oowrM1zWEI5a9X0YmC9jpy7Hg5XgFveD4SRLAXqwr"
    "BKBjto+yW13t+J4ohI1yd2qvJpjpD/fNA9p36MuLYOyBkpTm7hZNBO/dgDt11O2eqXxSSCWrPZZVghjvbTuzLFlWLkthTVzprUvX4GVFuI5ducKd"
    "+7PoxwpLFu0cf0Tgv3yP18dEI4zBIvCZ35zMJuhsVvgztQl9D4gSRv4kyqt7Pz+2nGdYn6OivuSCm9edwuqHMvJGTZf49JVXzPyfLJjRmF7ufNJy"
    "uNOwLsiD9FIBGy3jF2VPVP6N3FNx1dYbvzGA8VuJI+h758GrkjpjGXAo+CQq8KVC502z4boztg/s+s3XMKr6yzaN5qAu5uvpPAp6piyAcajua7X5"
    "MBccIeOxH1XWhI0ulg/cD+IDqAnlTFn+NOe6YEieHHA6I5l8e95/m0rfl+qT6XxxbXptmmeBQsXKxkYy7zufr77UBszWQNytwN9ja4qdhMkVLxuF"
    "QkBLBIVXMzMXtoZZvz72MyL9q6WQwKvy8H/biX0n1Ja/aD1c0ThgMepeNYgqsMWtMhqRkL2yjHnScx0Q8ujckeVP7uej8pUt3wlK7VZ/Cq8Nk0lW"
    "PKtg5yxsR9lwsPQTQdrioLntOCrlLkPmMx1wLD2Yac/POCu07aTsmZQTbgjKtA4RwHwJJHlftiF6Oa88dwSanemfzS4AEinJDcY75/1WmrY2FuQG"
    "ZrW3p3944sZxdDp2DhlLhY0E9aVaVv3MTxCjapkYlzxzj0/sLvOU78bIAhA3EWB7kuX2m0YNQpCPw4ot1FhBaOI9DJ8a7uHyBPhLBJJKHIv1QJNL"
    "46vBZzFDl6v/F6cdZ+TLSH2bAaNqqnOMpCFl+g7ctFM/AaMX2AoG5zRQ5rgeaugZzBRbCkw5px5OZ8PIavIB5Nu7lCyO58uLE10jPYpw1HrWgRIT"
    "dALc5vEgxhbactKlVsrsRzvJ+UWYcwkIjrAzcyKPN+nGnzWcAyxdqqdoX7aD+m2Q7TBtewjAsot7QHhBNAXIbcpI9W/kBllWXXtV4e3MHe+ULsPU"
    "MkgJynTeV582v+ezrTFIMCMGCSqGSIb3DQEJFDEWHhQAbQB5AGsAZQB5AGEAbABpAGEAczAhBgkqhkiG9w0BCRUxFAQSVGltZSAxNTQ0NjA4NDUx"
    "MTY0MIID3AYJKoZIhvcNAQcGoIIDzTCCA8kCAQAwggPCBgkqhkiG9w0BBwEwKQYKKoZIhvcNAQwBBjAbBBT1WlbGje5VXGke2IyzkoCHvWzdtAID"
    "AMNQgIIDiFhOeb1QtCrwhi8BBwkrM4+qzT9MXZUz82cFrGEev1wPPjznm+2yklHBDpih1fUEXypqIFlfgexgCXxaB5AIgYV3SNIaCuDSfwncFrfX"
    "4E1hJMNahzPLZwiizlqVkPGmC51iTWU8hYz+Pz++4PrSIP6RufjbTSWgsOyqdypCZyUuuQcTU9HU/ygZ8liV1wdGmbLPLChQrtE4tO6MSiaItfFr"
    "9NtqqU4+2TrB5ploed5GPyHCkm0Lh271FaP4EpUxUxqP3sFusTzWAe2M/tFuyS82oCtjrBFvY+NMTYrBgLzxsm4/xfZ2lT21tdASUBH4OZZNNYec"
    "O9DsaYroT2Zpt+puDBZQLcwS9cQsO87jEfCUqA8/rT+uKQZ9pr2wWJtOPDnliX4Yk5t1a8ahy/ctItqqtEvUsyeyD6Yc0WdujEiqkC6M/L2V0chn"
    "ELWy3EEmYHTrarR2ZIfoOCpPCsDi5xJaXcjP9emKxpfO4BtJgISaHswqVndm6YNcBjObsUeN8ko2EgWf3KH8DwvU6FUi/JtaLux85vJw+nfohC2k"
    "JTLgrMEc+NcjHMks+r4+HhQQWoUIVAAi+gZkWID+j1J/qDBnJ3zgT30B7XF8X7DRBlLhIaLEk1uICl5S/oiohHlYaUkPP3OW3VOE4tKGoiqaX0ua"
    "IoqBZc7lXxa7QFdkuxDPZDEd81YL3ilbqbRwthVhnX3UwZTwMNfuLBIWiMK9oAUmVHAvhTko96lGCMq1DPd//3TrWAVLuttI8tOIUWGjDhTYtvH/"
    "mWWx1fee7y88aTzBRMy6p9AQhiIpbb/dD7+G/MnR6VYIO/eGkQz0Deg+M1D/JPGuVEsNeWKYubHFuqkMUEhQnVom5WahMralOt6l1mN2uRJGxkFr"
    "K6wEb7Mjg6yAlrKlIrSXcUDNMfdH95v3GhO1Z7JUHotCui4Er3yfms8yvuIeIllrKfHDU8peHGLdq5sB9NVwvBX7qrIjy7kYYt9V9GbyjFwrB//d"
    "DQBCkJjDw3E5dEP+kR+MmhZXAOOYk0RwvoEYltIIXwY96vRz7M9nuresWpqLFG/hCtyUzT5qRhZ/LdtOnKslqeQcdqghfYNPUbHVWkQ4C0NNBJGs"
    "P8UjS5dGsSSj+7q64MUPHrwo4TZtRkpvXeNQ8wT7Lxp2mNooNQFzH6v2jG5aNa2dzG/jlOaorpIiFF+g64QJLQGTgKmM1ywwPjAhMAkGBSsOAwIa"
    "BQAEFKjzP01UjJ7HlUAeJlAVfXZe3Qi9BBQnHUsOqMsPXM1MXBJOigM6vIsMfgIDAYag"
)

NOW = datetime.fromtimestamp(1626728330, tz=UTC)
NONCE = "Wpe3LF09z1e3xQRI"
EMPTY = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


@pytest.fixture(scope="module")
def signer():
    return Signer("abc-abc-abc!123", read_key(KEY_FILE, PASSWORD))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", EMPTY),
        (b"{}", "RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o="),
        ('{"foõ":"bar"}'.encode(), "+Z+PWW2TJDnPvRcTgol+nKO3LT7xm8smnsg+//XMIyI="),
    ],
)
def test_body_is_hashed_even_when_it_is_empty(body, expected):
    assert body_hash(body) == expected


def test_text_is_signed(signer):
    assert signer.sign("baseString") == (
        "IJeNKYGfUhFtj5OAPRI92uwfjJJLCej3RCMLbp7R6OIYJhtwxnTkloHQ2bgV7fks4GT/A7rkqrgUGk0ewbwIC6nS3piJHyKVc7rvQXZuCQeeeQpFzLRi"
        "H3rsb+ZS+AULK+jzDje4Fb+BQR6XmxuuJmY6YrAKkj13Ln4K6bZJlSxOizbNvt+Htnx+hNd4VgaVBeJKcLhHfZbWQxK76nMnjY7nDcM/2R6LUIR2oLG1"
        "L9m55WP3bakAvmOr392ulv1+mWCwDAZZzQ4lakDD2BTu0ZaVsvBW+mcKFxYeTq7SyTQMM4lEwFPJ6RLc8jJJ+veJXHekLVzWg4qHRtzNBLz1mA=="
    )


def test_longer_text_is_signed(signer):
    text = (
        "POST&https%3A%2F%2Fsandbox.api.mastercard.com%2Ffraud%2Fmerchant%2Fv1%2Ftermination-inquiry"
        "&Format%3DXML%26PageLength%3D10%26PageOffset%3D0%26oauth_body_hash%3DWhqqH%252BTU95VgZMItpdq78BWb4cE%253D"
        "%26oauth_consumer_key%3Dxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx%26oauth_nonce%3D1111111111111111111"
        "%26oauth_signature_method%3DRSA-SHA1%26oauth_timestamp%3D1111111111%26oauth_version%3D1.0"
    )
    assert percent_encoded(signer.sign(text)) == (
        "DvyS3R795sUb%2FcvBfiFYZzPDU%2BRVefW6X%2BAfyu%2B9fxjudQft%2BShXhpounzJxYCwOkkjZWXOR0ICTMn6MOuG04TTtmPMrOxj5feGwD3leMBsi"
        "%2B3XxcFLPi8BhZKqgapcAqlGfjEhq0COZ%2FF9aYDcjswLu0zgrTMSTp4cqXYMr9mbQVB4HL%2FjiHni5ejQu9f6JB9wWW%2BLXYhe8F6b4niETtzIe5o"
        "77%2B%2BkKK67v9wFIZ9pgREz7ug8K5DlxX0DuwdUKFhsenA5z%2FNNCZrJE%2BtLu0tSjuF5Gsjw5GRrvW33MSoZ0AYfeleh5V3nLGgHrhVjl5%2BiS40"
        "pnG2po%2F5hIAUT5ag%3D%3D"
    )


@pytest.mark.parametrize(
    ("url", "signature"),
    [
        (
            "https://api.mastercard.com/abc/%123/service?a=123&b=%2a2b3",
            (
                "GFdvCNe14%2FQdPi6KLgdFtYnqz9QVsqlzRwT1P5wvZCgyBzfTol69SRz4cIkeDx%2BIEeUfkbrPdVA9JPy0S9lgpMzs0KfIAX064Bz5mBbTni8NWD74u"
                "lN5eEDQRWB47BqEsvNPSJlJLGapVeYFyRlcIU7xMU1e1lA%2FtPTTHDSmIBfq4CtpCPvYMcd7ywoiHsi4hfI0d%2BTGS9pe0ez00mkne8C3%2FAHtuRIp"
                "564D02Hhl6s%2BTUGdUvlXTaFaIH9GVdZ15n%2FUcTCqSKFjorwA9guiJQlFpZtQy04BBD19VbN6%2F%2BSJvMAnVFQM5FJhgZ%2F5T9OP9%2BmjXz47E"
                "hG9MAx3raBjIw%3D%3D"
            ),
        ),
        (
            "https://example.com/request?colon=%3A&plus=%2B&comma=%2C",
            (
                "BJGTHj7bxDWKRpES4KyLxrg0jTgk11b8RCdQzOMbY%2BQoltCaocwk3%2BI1MlYyX5oT8xMCKcjvH6EhF2J%2BMojheBdomDuNqVlr7NvS0uRjbD1Iem%2"
                "Bo0RXMU%2Bag62XBMYnGdzhk3Nr1Ifwsb1seTND%2B%2Bf%2BDFjAWoD7UoY%2Fo2aWg1xbkXgKtykV1QIfKRsZfyJJUARUB6yhnMegryPURrGI8yAwoxG"
                "I37o0RsbCQdrnzIdpQYm6C5a9FPhPTqREAXEMpBVvY2e3Fk922IXiAd6Ph%2FLdIAOnIE8RRXmc5gYmzftl8jcztjG4EJNhD2jk6YVG5tt9yq%2Frcvbok"
                "gDnZ%2F7qPeg%3D%3D"
            ),
        ),
        (
            "https://example.com/?param=token1%3Atoken2",
            (
                "B473PPrHLU4KIJ5763HLGk6OR2Lo5FPXTXN72K5ihc4cZMYkfAUxAfANJUoKx5fHrcNPkGWeLkLdpqRLXfMNi39tB3WNOKZqYd0AgeAH9OkhFnJ0J%2FJ8"
                "oiXsaTcWK1tBm%2BPMtIFaAzA1MhILuns8p1GVPBOCK4ZAfdHMOf19TVV7uCO%2BwaeQgEmzNsGt6L6%2FgIRwpFnTwr9iEQCWju9LCxHpRDJIzA%2Fx4J"
                "T%2BRn5fOa3KyjPJkY70EPWmvMhdciBVYNpv%2BjEjPmrQTNN0RZDYRPX%2Buj6ZRspAo%2BwHQDqAU3Fd1%2BD4lBEjY9fmK%2B3tz%2B9Ckhk%2FOfDv"
                "yIhSY4BtvsNoag%3D%3D"
            ),
        ),
        (
            "https://example.com/?param=token1:token2",
            (
                "iD%2FTWBltcpIpyWJY7vDLaB2fjjEKVuBvhQje5OTOX0Cx6q%2BJnIEeRjkWxcmy4UclR2hn3zugQv9IIzPuQzOMnHZA%2FyS%2BZQRtY1pR2DgWSifTr0"
                "mkiIuVNB5zNcc1ZvFbjqY5I7u5%2Bd1tseEWchRLUbuUZDiQP7XVdfsjJpfynDi3qbU67naKXf7HWhR%2Fbg4AglVH8xxn0hUqyMs5uHk8pmx4%2BUGzgt"
                "zDT3vs5%2FZqUALZiElm9oq0DvWvY5cgRVm%2FyCPvPBIz%2BD3e8RSKtbiZXCqzJF6zddvyUOOmp0nrso065LsvG6PLR2DYjE62XIFXy1urqiMUoHu2f5"
                "2YpEzCGg%3D%3D"
            ),
        ),
        (
            "https://sandbox.api.mastercard.com?param1=plus+value&param2=colon:value",
            (
                "BSbz5UAdn1iRFpFCs0y6U4HhBCm4gR56690cYyGVvkYoqcYB4PsMrurMu8aojktsKmgz0oYM77YylUJMVlbWclwW2I1hexLfErvGWA91AsJT557g6kbV9O"
                "N8daDy1u33LezMjTrrmErSb%2BMtgLQ5NE8pAwo4tPDBx33rjckZ7SPewrZS63EQAkc6wjt%2BnWhzkRU8%2Fuze0cLUemaVExHSwUULV38OXxOxOa3VBr"
                "Bi2p%2FyEFqKgTWXJmNlZ2nzHsZVcwE2TNJdZjLP0bHn2tg3MRi112u51Tag5bT4RrkwkCg6gcGc9Pn6gxIgH%2FFWBCbjgdBnR0plo3Z9SX3uQcDrvw%3D"
                "%3D"
            ),
        ),
    ],
)
def test_whole_header_is_as_the_official_signer_makes_it(signer, url, signature):
    assert signer.authorization("GET", url, b"", NOW, NONCE) == (
        f'OAuth oauth_consumer_key="abc-abc-abc!123",oauth_nonce="{NONCE}",oauth_timestamp="1626728330",'
        f'oauth_signature_method="RSA-SHA256",oauth_version="1.0",oauth_body_hash="{EMPTY}",oauth_signature="{signature}"'
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.example.net:8080", "https://www.example.net:8080/"),
        ("http://EXAMPLE.COM:80/r%20v/X?id=123", "http://example.com/r%20v/X"),
        ("https://api.mastercard.com:443/test?query=param", "https://api.mastercard.com/test"),
        ("http://api.mastercard.com:80/test", "http://api.mastercard.com/test"),
        ("https://api.mastercard.com:17443/test?query=param", "https://api.mastercard.com:17443/test"),
        ("https://api.mastercard.com/test?query=param#fragment", "https://api.mastercard.com/test"),
        ("https://api.mastercard.com", "https://api.mastercard.com/"),
        ("HTTPS://API.MASTERCARD.COM/TEST", "https://api.mastercard.com/TEST"),
    ],
)
def test_address_is_normalised(url, expected):
    assert normalised_url(url) == expected


RFC = {
    "oauth_consumer_key": "9djdj82h48djs9d2", "oauth_signature_method": "HMAC-SHA1", "oauth_timestamp": "137131201",
    "oauth_nonce": "7d8f3e4a",
}  # fmt: skip


@pytest.mark.parametrize(
    ("url", "parameters", "expected"),
    [
        (
            "https://sandbox.api.mastercard.com/audiences/v1/getcountries?offset=0&offset=1&length=10&empty&odd=",
            {},
            "empty=&length=10&odd=&offset=0&offset=1",
        ),
        ("https://sandbox.api.mastercard.com/audiences/v1/getcountries", {}, ""),
        (
            "https://sandbox.api.mastercard.com?param1=plus+value&param2=colon:value",
            {},
            "param1=plus+value&param2=colon:value",
        ),
        (
            "https://sandbox.api.mastercard.com",
            RFC,
            (
                "oauth_consumer_key=9djdj82h48djs9d2&oauth_nonce=7d8f3e4a&oauth_signature_method=HMAC-SHA1"
                "&oauth_timestamp=137131201"
            ),
        ),
        (
            "https://sandbox.api.mastercard.com?b5=%3D%253D&a3=a&a3=2%20q&c%40=&a2=r%20b&c2=",
            {},
            "a2=r%20b&a3=2%20q&a3=a&b5=%3D%253D&c%40=&c2=",
        ),
        ("https://localhost?b=b&A=a&A=A&B=B&a=A&a=a&0=0", {}, "0=0&A=A&A=a&B=B&a=A&a=a&b=b"),
    ],
)
def test_parameters_are_sorted_by_byte_value(url, parameters, expected):
    assert normalised_parameters(url, parameters) == expected


def test_base_string_joins_method_address_and_parameters():
    parameters = {"oauth_body_hash": "body/hash", "oauth_nonce": "randomnonce"}
    assert base_string("post", "https://api.mastercard.com", parameters) == (
        "POST&https%3A%2F%2Fapi.mastercard.com%2F&oauth_body_hash%3Dbody%2Fhash%26oauth_nonce%3Drandomnonce"
    )


def test_base_string_holds_the_query():
    url = (
        "https://sandbox.api.mastercard.com/fraud/merchant/v1/termination-inquiry?Format=XML&PageOffset=0&PageLength=10"
    )
    parameters = {
        "oauth_consumer_key": "x" * 48,
        "oauth_nonce": "1111111111111111111",
        "oauth_timestamp": "1111111111",
        "oauth_version": "1.0",
        "oauth_body_hash": "h2Pd7zlzEZjZVIKB4j94UZn/xxoR3RoCjYQ9/JdadGQ=",
    }
    assert base_string("POST", url, parameters) == (
        "POST&https%3A%2F%2Fsandbox.api.mastercard.com%2Ffraud%2Fmerchant%2Fv1%2Ftermination-inquiry"
        "&Format%3DXML%26PageLength%3D10%26PageOffset%3D0%26oauth_body_hash%3Dh2Pd7zlzEZjZVIKB4j94UZn"
        "%2FxxoR3RoCjYQ9%2FJdadGQ%3D%26oauth_consumer_key%3Dxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "%26oauth_nonce%3D1111111111111111111%26oauth_timestamp%3D1111111111%26oauth_version%3D1.0"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Format=XML", "Format%3DXML"),
        ("WhqqH+TU95VgZMItpdq78BWb4cE=", "WhqqH%2BTU95VgZMItpdq78BWb4cE%3D"),
        ("WhqqH+TU95VgZMItpdq78BWb4cE=&o", "WhqqH%2BTU95VgZMItpdq78BWb4cE%3D%26o"),
        ("WhqqH+TU95VgZ~Itpdq78BWb4cE=&o", "WhqqH%2BTU95VgZ~Itpdq78BWb4cE%3D%26o"),
        ("%25£¥a/El Niño/%", "%2525%C2%A3%C2%A5a%2FEl%20Ni%C3%B1o%2F%25"),
        ("*", "%2A"),
    ],
)
def test_text_is_percent_encoded(text, expected):
    assert percent_encoded(text) == expected


def test_nonces_are_16_characters_and_never_the_same():
    nonces = {new_nonce() for _ in range(1000)}
    assert len(nonces) == 1000
    assert all(len(nonce) == 16 and nonce.isalnum() for nonce in nonces)


def test_key_is_read_as_pem_too(signer):
    plain = signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    sealed = signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")).decode()
    for text, password in [(plain, None), (sealed, "secret")]:
        assert read_key(text, password).private_numbers() == signer.key.private_numbers()


@pytest.mark.parametrize(
    ("text", "password"),
    [
        (KEY_FILE, "Password2"),
        (KEY_FILE, None),
        ("not a key", None),
        ("-----BEGIN PRIVATE KEY-----\nbm8=\n-----END PRIVATE KEY-----", None),
    ],
)
def test_key_that_cannot_be_read_is_said_without_showing_it(text, password):
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        read_key(text, password)
    assert text[:40] not in str(caught.value)
    assert "Password" not in caught.value.message


def test_key_of_another_kind_is_refused():
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    sealed = pkcs12.serialize_key_and_certificates(b"key", key, None, None, BestAvailableEncryption(b"secret"))
    for text, password in [(pem, None), (base64.b64encode(sealed).decode(), "secret")]:
        with pytest.raises(ConfigError, match="not an RSA key"):
            read_key(text, password)
