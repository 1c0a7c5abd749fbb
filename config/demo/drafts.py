"""Models that were typed in one afternoon's workshop, and not looked at since: each shows something that doesn't go together.

Nobody has approved them, so no contribution rests on them. What the analysts' guide says of each warning, it says of these.
"""

from __future__ import annotations

from config.demo.assumptions import Assumption, Model
from config.demo.company import Cells

DRAFTS: tuple[Model, ...] = (
    # What comes out is in minutes, what the KPI wants in hours.
    Model(
        ref="P07",
        name="Questions that answer themselves",
        description="The help centre answers part of the questions about one's own booking.",
        formula="value = questions * answered_share * minutes_each",
        chain="self_served_questions -> support_hours_saved",
        target="support_hours_saved",
        params={
            "questions": Assumption(
                value=140_000, low=120_000, high=160_000, unit="questions", display="Questions a year", approved=False
            ),
            "answered_share": Assumption(
                value=0.44, low=0.3, high=0.55, unit="fraction", display="Share answered", approved=False
            ),
            "minutes_each": Assumption(
                value=6, low=5, high=8, unit="minutes", display="Minutes per question", approved=False
            ),
        },
    ),
    # What comes out is money, what the KPI wants are hours.
    Model(
        ref="P08",
        name="Refunds without hands",
        description="Two refunds in three need nobody.",
        formula="value = refunds * handless_share * cost_per_refund",
        chain="self_served_refunds -> support_hours_saved",
        target="support_hours_saved",
        params={
            "refunds": Assumption(
                value=32_000, low=29_000, high=35_000, unit="refunds", display="Refunds a year", approved=False
            ),
            "handless_share": Assumption(
                value=0.66, low=0.5, high=0.75, unit="fraction", display="Refunds that need nobody", approved=False
            ),
            "cost_per_refund": Assumption(
                value=4.1, low=3.5, high=4.8, unit="GBP/refund", display="What one costs today", approved=False
            ),
        },
    ),
    # Money and restaurants are added.
    Model(
        ref="D19",
        name="Evenings with a ticket",
        description="Each ticket earns a margin; restaurants pay for being listed.",
        formula="value = tickets * margin + hosting_restaurants",
        chain="event_tickets -> net_revenue",
        params={
            "tickets": Assumption(
                value=4_300, low=2_800, high=5_600, unit="tickets", display="Tickets a year", approved=False
            ),
            "margin": Assumption(
                value=20, low=17, high=23, unit="GBP/ticket", display="Margin per ticket", approved=False
            ),
            "hosting_restaurants": Assumption(
                value=120, low=80, high=160, unit="restaurants", display="Restaurants that host", approved=False
            ),
        },
    ),
    # 4 was typed where 4 % was meant.
    Model(
        ref="D07",
        name="Members who pay",
        description="A share of the regulars pays for priority tables.",
        formula="value = regulars_reached * joining_share * yearly_fee",
        chain="membership_rate -> joining_regulars -> net_revenue",
        params={
            "regulars_reached": Assumption(
                value=120_000, low=90_000, high=140_000, unit="users", display="Regulars who see it", approved=False
            ),
            "joining_share": Assumption(value=4, low=2, high=6, unit="%", display="Who join", approved=False),
            "yearly_fee": Assumption(value=49, low=39, high=59, unit="GBP/user", display="Fee a year", approved=False),
        },
    ),
    # What a month brings stands where a year is meant; and a range without width.
    Model(
        ref="D14",
        name="Friends who come along",
        description="Each referral brings a diner who books.",
        formula="value = referred_diners * margin_per_diner",
        chain="referrals -> referred_diners -> net_revenue",
        params={
            "referred_diners": Assumption(
                value=2_450, low=1_600, high=3_100, unit="diners/month", display="Referred diners", approved=False
            ),
            "margin_per_diner": Assumption(
                value=1.9, low=1.9, high=1.9, unit="GBP/diner", display="Margin per diner", approved=False
            ),
        },
    ),
    # A unit that is mistyped, and a row that no formula uses.
    Model(
        ref="R09",
        name="Menus that nobody types",
        description="Menus come in as files; hours of typing are saved.",
        formula="value = menus * hours_per_menu",
        chain="activated_restaurants -> imported_menus -> support_hours_saved",
        target="support_hours_saved",
        params={
            "menus": Assumption(value=480, low=420, high=560, unit="count", display="Menus a year", approved=False),
            "hours_per_menu": Assumption(
                value=1.9, low=1.5, high=2.4, unit="hourz", display="Hours per menu", approved=False
            ),
            "typing_mistakes": Assumption(
                value=0.07, low=0.03, high=0.1, unit="fraction", display="Menus with a mistake", approved=False
            ),
        },
    ),
    # The chain ends at another KPI than the one that the model claims.
    Model(
        ref="R10",
        name="Owners who read",
        description="Who opens the letter on Monday stays.",
        formula="value = letter_readers * stay_longer",
        chain="letter_opens -> console_sessions -> net_revenue",
        target="restaurant_retention",
        params={
            "letter_readers": Assumption(
                value=0.3, low=0.2, high=0.4, unit="fraction", display="Owners who read it", approved=False
            ),
            "stay_longer": Assumption(
                value=0.02, low=0.005, high=0.03, unit="fraction", display="Fewer of them who leave", approved=False
            ),
        },
    ),
    # A name that Params spells otherwise.
    Model(
        ref="P06",
        name="Tables that aren't faked away",
        description="Fake bookings are found before the evening.",
        formula="seated_covers = fake_bookngs * found_share * party_size\nvalue = seated_covers * fee_per_cover",
        chain="fake_bookings -> seated_covers -> net_revenue",
        params={
            "fake_bookings": Assumption(
                value=38_000, low=30_000, high=45_000, unit="bookings", display="Fake bookings a year", approved=False
            ),
            "found_share": Assumption(
                value=0.5, low=0.3, high=0.7, unit="fraction", display="Found in time", approved=False
            ),
        },
    ),
    # The metric that Scoring_Inputs names first is no step of the chain.
    Model(
        ref="D20",
        name="Lisbon on the phone",
        description="An app in Portuguese brings covers that the site in English loses.",
        formula="seated_covers = portuguese_sessions * booking_gain * party_size\nvalue = seated_covers * fee_per_cover",
        chain="portuguese_sessions -> seated_covers -> net_revenue",
        params={
            "portuguese_sessions": Assumption(
                value=900_000, low=800_000, high=990_000, unit="sessions", display="Sessions a year", approved=False
            ),
            "booking_gain": Assumption(
                value=0.012, low=0.005, high=0.02, unit="fraction", display="More that book", approved=False
            ),
        },
    ),
    # The first of two models that claim the same KPI.
    Model(
        ref="R15",
        name="Warned in time",
        description="A warning eight weeks earlier saves some accounts.",
        formula="value = accounts_at_risk * saved_share",
        chain="accounts_at_risk -> restaurant_retention",
        target="restaurant_retention",
        params={
            "accounts_at_risk": Assumption(
                value=0.04, low=0.03, high=0.05, unit="fraction", display="Accounts at risk", approved=False
            ),
            "saved_share": Assumption(
                value=0.3, low=0.2, high=0.4, unit="fraction", display="Saved by a warning", approved=False
            ),
        },
    ),
    # The number that somebody typed isn't the one that comes out; and a range is the wrong way round.
    Model(
        ref="P03",
        name="Money on the day",
        description="Restaurants that are paid at once stay.",
        formula="value = waiting_restaurants * stay_for_money",
        chain="payout_days -> waiting_restaurants -> restaurant_retention",
        target="restaurant_retention",
        params={
            "waiting_restaurants": Assumption(
                value=0.25, low=0.2, high=0.3, unit="fraction", display="Who complain of the wait", approved=False
            ),
            "stay_for_money": Assumption(
                value=0.02, low=0.04, high=0.06, unit="fraction", display="Fewer of them who leave", approved=False
            ),
        },
    ),
)

# The second of two models that claim the same KPI.
SECOND_DRAFT = Model(
    ref="R15",
    name="Called in time",
    description="A call to every account that cools down saves some.",
    formula="value = accounts_at_risk * won_by_call",
    chain="accounts_at_risk -> restaurant_retention",
    target="restaurant_retention",
    params={
        "won_by_call": Assumption(
            value=0.1, low=0.05, high=0.15, unit="fraction", display="Won back by a call", approved=False
        ),
    },
)

# An assumption that turned out lower after its model's number was adopted: (ref, param_name, what was typed, what is typed now). The
# adopted number stays, and the assumption waits for its approval again.
LATER = ("D04", "seat_share", 0.2, 0.17)


def cells_of(draft: Model) -> Cells:
    """A draft's entries: nobody has approved it."""
    return {**draft.cells(), "approved_by_user": None}
