"""Razorpay: orders, Checkout, payment links, subscriptions, Route and RazorpayX."""
