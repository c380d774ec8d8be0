"""Drives the compatible API with whmcspy and prints, as one JSON object, what the client made of the answers.

Usage: drive_whmcspy.py URL IDENTIFIER SECRET
"""

import json
import sys

from whmcspy import WHMCS, exceptions

url, identifier, secret = sys.argv[1:]
whmcs = WHMCS(url, identifier, secret)
told = {}


def refused(name, call):
    """What the client raises, and in which words."""
    try:
        call()
        told[name] = "was not refused"
    except exceptions.Error as error:
        told[name] = f"{type(error).__name__}: {error}"


client = whmcs.add_client(
    "Zoë", "Sørensen", "zoe@example.com", "1 Mill Lane", "Århus", "Midtjylland", "8000", "DK",
    "+45 8612 3456", "a long password", companyname="Sørensen & Sønner", marketingoptin=True,
)
told["client"] = client
told["details"] = whmcs.call("GetClientsDetails", clientid=client, stats=True)
product = whmcs.add_product(
    "Starter", 1, type="hostingaccount", paytype="recurring",
    **{"pricing[1][monthly]": "10.00", "pricing[1][msetupfee]": "5.00", "pricing[1][annually]": 100},
)
told["product"] = product
order = whmcs.add_order(
    client, products=[{"id": product, "domain": "zoë.example"}], billingcycle=["monthly"], noinvoiceemail=True,
)
told["order"] = order
told["accepted"] = whmcs.accept_order(order["orderid"], autosetup=False, sendemail=False)
told["orders"] = list(whmcs.get_orders(userid=client, limitnum=1))
told["services"] = list(whmcs.get_clients_products(active=True, clientid=client))
told["none of these"] = list(whmcs.get_clients_products(active=False, clientid=client))
told["updated"] = whmcs.update_client_product(order["serviceids"], notes="By the client library")
told["invoices"] = [
    invoice
    for page in whmcs.paginated_call("GetInvoices", userid=client, limitnum=1)
    for invoice in page["invoices"]["invoice"]
]
invoice = told["invoices"][0]["id"]
told["paid"] = whmcs.call(
    "AddInvoicePayment", invoiceid=invoice, transid="bank-1", gateway="banktransfer", amount="15.00", noemail=True,
    date="2026-03-01 10:30:00",
)
told["invoice"] = whmcs.get_invoice(invoice)
told["transactions"] = whmcs.get_transactions(invoiceid=invoice)
told["no transactions"] = whmcs.get_transactions(invoiceid=999_999)

# An order that comes to nothing; two products in one order, as lists.
other = whmcs.add_order(
    client, products=[{"id": product, "domain": "a.example"}, {"id": product, "domain": "b.example"}],
    billingcycle=["monthly", "annually"], priceoverride=[None, "80.00"], noinvoice=True,
)
told["other"] = other
whmcs.pending_order(other["orderid"])
whmcs.cancel_order(other["orderid"])
told["cancelled"] = list(whmcs.get_orders(id=other["orderid"]))[0]["status"]
whmcs.delete_order(other["orderid"])
told["left"] = [found["id"] for found in whmcs.get_orders(userid=client)]
whmcs.add_transaction("banktransfer", userid=client, amountin="3.00", transid="bank-2", credit=True)
told["credit"] = whmcs.call("GetClientsDetails", clientid=client)["client"]["credit"]

refused("wrong secret", lambda: WHMCS(url, identifier, "0" * 64).call("GetClients"))
refused("wrong identifier", lambda: WHMCS(url, "nobody", secret).call("GetClients"))
refused("unknown action", lambda: whmcs.call("MakeCoffee"))
refused("missing parameter", lambda: whmcs.call("GetInvoice"))
refused("no such invoice", lambda: whmcs.get_invoice(999_999))
refused("not a number", lambda: whmcs.get_invoice("seven"))
refused("no such client", lambda: whmcs.call("GetClientsDetails", clientid=999_999))
refused("no address", lambda: whmcs.call("AddClient", firstname="A", lastname="B", email="ab@example.com"))
refused("no such product", lambda: whmcs.add_order(client, products=[{"id": 999, "domain": "c.example"}]))
refused("no products", lambda: whmcs.add_order(client))
repeated = {"invoiceid": invoice, "transid": "bank-1", "gateway": "banktransfer", "date": "20260301"}
refused("paid twice", lambda: whmcs.call("AddInvoicePayment", amount="15.00", **repeated))
refused("nothing owed", lambda: whmcs.call("AddInvoicePayment", **repeated))
refused("accepted twice", lambda: whmcs.accept_order(order["orderid"]))
print(json.dumps(told))
