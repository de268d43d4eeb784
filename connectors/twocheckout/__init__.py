"""2Checkout (Verifone): ConvertPlus links, InLine carts, REST API 6.0, IPN, LCN and INS."""
