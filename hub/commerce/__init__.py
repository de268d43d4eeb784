"""What is sold and how it is paid: catalogue, orders, invoices, links, forms, jobs."""
