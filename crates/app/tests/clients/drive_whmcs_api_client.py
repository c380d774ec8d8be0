"""Drives the compatible API with whmcs-api-client and prints, as one JSON object, what the client made of the answers.

It checks every answer against its own models, strictly: a number where it expects text is an error.

Usage: drive_whmcs_api_client.py URL-OF-THE-FOLDER IDENTIFIER SECRET CLIENT-EMAIL PRODUCT
"""

import json
import sys

from whmcs_client import ApiClient, ApiException, Configuration, DefaultApi

folder, identifier, secret, email, product = sys.argv[1:]
product = int(product)
api = DefaultApi(ApiClient(Configuration(host=folder)))
who = {"username": identifier, "password": secret}
told = {}


def plain(answer):
    return answer.to_dict() if hasattr(answer, "to_dict") else answer


def refused(name, call):
    """The message in the answer, or the status that the client raises."""
    try:
        told[name] = call().message
    except ApiException as error:
        told[name] = f"{type(error).__name__} {error.status}: {json.loads(error.body)['message']}"


added = api.add_client(
    **who, firstname="Ada", lastname="Lovelace", email=email, address1="1 Mill Lane", city="Linz", state="OÖ",
    postcode="4020", country="AT", phonenumber="+43 732 1234", password2="a long password", marketingoptin=False,
    noemail=True, skipvalidation=False, notes="café", responsetype="json",
)
told["added"] = plain(added)
client = added.clientid
order = api.add_order(
    **who, clientid=client, paymentmethod="banktransfer", pid=[product, product], qty=[1, 2],
    domain=["one.example", "two.example"], billingcycle=["monthly", "annually"], noinvoiceemail=True,
)
told["order"] = plain(order)
told["details"] = plain(api.get_clients_details(**who, clientid=client, stats=True))
told["by email"] = plain(api.get_clients_details(**who, email=email))
told["clients"] = plain(api.get_clients(**who, search="Ada", sorting="DESC", limitnum=5))
told["orders"] = plain(api.get_orders(**who, userid=client))
told["services"] = plain(api.get_clients_products(**who, clientid=client))
told["products"] = plain(api.get_products(**who, pid=str(product)))
told["invoices"] = plain(api.get_invoices(**who, userid=client, status="Unpaid", orderby="duedate", order="desc"))
told["currencies"] = plain(api.get_currencies(**who))
told["pricing"] = plain(api.get_tld_pricing(**who))
told["gateways"] = plain(api.get_payment_methods(**who))
told["updated"] = plain(api.update_client(**who, clientid=client, city="Graz", taxexempt=True, status="Active"))
# Its model of a client has no city.
details = api.get_clients_details_without_preload_content(**who, clientid=client)
told["city"] = json.loads(details.data)["client"]["city"]
single = api.add_order(**who, clientid=client, paymentmethod="mailin", pid=[product], noinvoice=True)
told["cancelled"] = plain(api.cancel_order(**who, orderid=int(single.orderid), noemail=True))
told["deleted"] = plain(api.delete_order(**who, orderid=int(single.orderid)))

refused("wrong secret", lambda: api.get_clients(username=identifier, password="0" * 64))
refused("unknown action", lambda: api.get_affiliates(**who))
refused("missing parameter", lambda: api.get_clients_details(**who))
refused("no such client", lambda: api.get_clients_details(**who, clientid=999_999))
refused("email taken", lambda: api.add_client(
    **who, firstname="Ada", lastname="Lovelace", email=email, address1="1", city="Linz", state="OÖ", postcode="4020",
    country="AT", phonenumber="+43 732 1234", password2="a long password",
))
refused("wrong country", lambda: api.add_client(
    **who, firstname="Ada", lastname="Lovelace", email="x" + email, address1="1", city="Linz", state="OÖ",
    postcode="4020", country="XX", phonenumber="+43 732 1234",
))
refused("no such gateway", lambda: api.add_order(**who, clientid=client, paymentmethod="paypal", pid=[product]))
# Its model of a transaction wants amounts as numbers, where the reference shows text.
transactions = api.get_transactions_without_preload_content(**who, clientid=client)
told["transactions"] = json.loads(transactions.data)
print(json.dumps(told))
