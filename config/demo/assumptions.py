"""How Larkspoon's analysts model what initiatives bring: formulas, metric chains, and the numbers behind them."""

from __future__ import annotations

from dataclasses import dataclass, field

from config.demo.company import Cells


@dataclass(frozen=True, kw_only=True)
class Assumption:
    """One parameter as an analyst fills its row in Params."""

    value: float | str  # as typed
    low: float | str | None  # least it may be; None where there is no doubt about it
    high: float | str | None  # most it may be
    unit: str
    display: str  # what people call it
    source: str = "Booking data, last twelve months"
    approved: bool = True

    def cells(self) -> Cells:
        """The row's entries."""
        return {
            "param_display": self.display,
            "unit": self.unit,
            "value": self.value,
            "min": self.low,
            "max": self.high,
            "source": self.source,
            "approved": self.approved,
        }


@dataclass(frozen=True, kw_only=True)
class Model:
    """One row of MathModels, and the parameters that its formula names."""

    ref: str  # whose model it is
    name: str
    description: str
    formula: str
    chain: str
    target: str = "net_revenue"
    assumptions: str = "A full year after launch, nothing else changed."
    params: dict[str, Assumption] = field(default_factory=dict)  # param_name -> what stands in Params

    def cells(self) -> Cells:
        """The row's entries, but for the key."""
        return {
            "model_name": self.name,
            "model_description_free_text": self.description,
            "target_kpi_key": self.target,
            "formula_text": self.formula,
            "metric_chain_text": self.chain,
            "assumptions_text": self.assumptions,
            "approved_by_user": True,
        }


# Parameters that several models use; their rows carry the key SHARED.
SHARED: dict[str, Assumption] = {
    "fee_per_cover": Assumption(
        value=1.9, low=1.8, high=2.0, unit="GBP/cover", display="Fee per seated diner", source="Price list"
    ),
    "party_size": Assumption(value=2.6, low=2.5, high=2.7, unit="covers/booking", display="Diners per booking"),
}

MODELS: tuple[Model, ...] = (
    Model(
        ref="D04",
        name="Waitlist conversions",
        description="Of the searches that end at a full restaurant, some join the waitlist and some of those are seated.",
        formula=(
            "seated = full_searches * join_share * seat_share\n"
            "seated_covers = seated * party_size\n"
            "value = seated_covers * fee_per_cover  # all of it is new"
        ),
        chain="waitlist_joins -> seated_covers -> net_revenue",
        params={
            "full_searches": Assumption(
                value="1,150,000", low=1_000_000, high=1_300_000, unit="searches", display="Searches that end full"
            ),
            "join_share": Assumption(
                value="18%", low=0.1, high=0.24, unit="fraction", display="Share who join", source="Fake-door test, May"
            ),
            "seat_share": Assumption(
                value=0.2, low=0.12, high=0.26, unit="fraction", display="Share of them who are seated"
            ),
        },
    ),
    Model(
        ref="D05",
        name="Regulars come again",
        description="Regulars who rebook with one tap come a little more often.",
        formula=(
            "extra = regulars * adoption * extra_visits\n"
            "seated_covers = extra * party_size\n"
            "value = seated_covers * fee_per_cover\n"
            "diner_retention_90d = adoption * retention_lift"
        ),
        chain="rebooking_rate -> seated_covers -> net_revenue; rebooking_rate -> diner_retention_90d",
        params={
            "regulars": Assumption(value=310_000, low=290_000, high=330_000, unit="users", display="Regulars"),
            "adoption": Assumption(value="22%", low=0.12, high=0.3, unit="fraction", display="Regulars who use it"),
            "extra_visits": Assumption(
                value=0.35, low=0.1, high=0.6, unit="count", display="More visits a year", source="Interviews, n = 24"
            ),
            "retention_lift": Assumption(
                value=0.04, low=0.01, high=0.06, unit="fraction", display="Retention of those who use it"
            ),
        },
    ),
    Model(
        ref="R03",
        name="Faster starts",
        description="More of the restaurants that sign up get as far as their first booking.",
        formula=(
            "started = signups * completion_lift\n"
            "value = started * revenue_per_restaurant\n"
            "restaurant_retention = first_month_lift * share_of_new"
        ),
        chain="activated_restaurants → net_revenue; activated_restaurants → restaurant_retention",
        params={
            "signups": Assumption(value=2_400, low=2_100, high=2_700, unit="count", display="Sign-ups a year"),
            "completion_lift": Assumption(
                value=0.09, low=0.03, high=0.13, unit="fraction", display="More who complete", source="Pilot in Porto"
            ),
            "revenue_per_restaurant": Assumption(
                value="£780", low=700, high=860, unit="GBP", display="Net revenue per restaurant and year"
            ),
            "first_month_lift": Assumption(
                value=0.02, low=0, high=0.04, unit="fraction", display="Fewer who leave in month one"
            ),
            "share_of_new": Assumption(value=0.12, low=0.1, high=0.14, unit="fraction", display="New restaurants"),
        },
    ),
    Model(
        ref="R05",
        name="Kept large tables",
        description="Deposits halve the no-shows of large tables, and earn a small fee.",
        formula=(
            "kept = large_bookings * no_show_share * no_show_cut\n"
            "seated_covers = kept * large_party\n"
            "value = seated_covers * fee_per_cover + large_bookings * take_up * deposit_fee"
        ),
        chain="deposit_bookings -> no_show_rate -> seated_covers => net_revenue",
        params={
            "large_bookings": Assumption(
                value=240_000, low=220_000, high=260_000, unit="bookings", display="Bookings for six and more"
            ),
            "no_show_share": Assumption(value="12%", low=0.1, high=0.14, unit="fraction", display="No-shows of these"),
            "no_show_cut": Assumption(value=0.5, low=0.3, high=0.6, unit="fraction", display="Share avoided"),
            "large_party": Assumption(
                value=7, low=6.5, high=7.5, unit="covers/booking", display="Diners at a large table"
            ),
            "take_up": Assumption(value=0.4, low=0.2, high=0.55, unit="fraction", display="Restaurants that switch on"),
            "deposit_fee": Assumption(
                value=0.4, low=0.3, high=0.5, unit="GBP/booking", display="Fee per deposit", source="Price list, draft"
            ),
        },
    ),
    Model(
        ref="R06",
        name="Fewer empty tables",
        description="A card on file keeps small tables from staying empty.",
        formula=(
            "kept = small_bookings * no_show_share * no_show_cut\n"
            "seated_covers = kept * party_size\n"
            "value = seated_covers * fee_per_cover\n"
            "restaurant_retention = no_show_cut * retention_per_cut"
        ),
        chain="no_show_rate > seated_covers > net_revenue\nno_show_rate > restaurant_retention",
        params={
            "small_bookings": Assumption(
                value=1_900_000, low=1_800_000, high=2_000_000, unit="bookings", display="Bookings for up to five"
            ),
            "no_show_share": Assumption(
                value="4.5%", low=0.04, high=0.05, unit="fraction", display="No-shows of these"
            ),
            "no_show_cut": Assumption(value=0.4, low=0.15, high=0.5, unit="fraction", display="Share avoided"),
            "retention_per_cut": Assumption(
                value=0.006,
                low=0.002,
                high=0.01,
                unit="fraction",
                display="Restaurants kept",
                source="Churn interviews",
            ),
        },
    ),
    Model(
        ref="P04",
        name="Completed payments",
        description="Diners in Spain and Portugal who give up at payment finish with a method they know.",
        formula=(
            "completed = payment_starts * local_share * abandonment_cut\n"
            "seated_covers = completed * party_size\n"
            "value = seated_covers * fee_per_cover"
        ),
        chain="payment_success -> seated_covers -> net_revenue",
        params={
            "payment_starts": Assumption(
                value="520,000", low=480_000, high=560_000, unit="count", display="Payments begun in Iberia"
            ),
            "local_share": Assumption(value="50%", low=0.45, high=0.55, unit="fraction", display="Who pay locally"),
            "abandonment_cut": Assumption(
                value=0.11, low=0.06, high=0.15, unit="fraction", display="Fewer who give up", source="Two competitors"
            ),
        },
    ),
    Model(
        ref="P11",
        name="Personal lists",
        description="A personal home page lifts bookings that begin there.",
        formula="value = home_sessions * booking_lift * party_size * fee_per_cover",
        chain="home_page_bookings -> seated_covers -> net_revenue",
        params={
            "home_sessions": Assumption(
                value=6_800_000, low=6_500_000, high=7_100_000, unit="sessions", display="Sessions on the home page"
            ),
            "booking_lift": Assumption(
                value=0.006,
                low=0,
                high=0.012,
                unit="fraction",
                display="More sessions that book",
                source="A vendor's slide; nobody here believes it yet",
                approved=False,
            ),
        },
    ),
    Model(
        ref="P12",
        name="Seconds and bookings",
        description="Each second that a page loads faster books a little more, up to a limit.",
        formula=(
            "lift = clamp(page_seconds_saved * lift_per_second, 0, 0.05)\n"
            "value = phone_revenue * lift\n"
            "seated_covers = value / fee_per_cover"
        ),
        chain="page_load_time -> booking_conversion -> seated_covers -> net_revenue",
        params={
            "page_seconds_saved": Assumption(value=1.4, low=0.8, high=1.8, unit="seconds", display="Seconds saved"),
            "lift_per_second": Assumption(
                value="1.8%",
                low=0.008,
                high=0.025,
                unit="fraction/second",
                display="Lift per second",
                source="Test in March",
            ),
            "phone_revenue": Assumption(
                value="£7,400,000", low=7_000_000, high=7_800_000, unit="GBP", display="Net revenue from phones"
            ),
        },
    ),
    # Typed in a hurry: its metric chain goes round in a circle, and is refused.
    Model(
        ref="D13",
        name="Letters bring letters",
        description="Diners who come back get another letter.",
        formula="",
        chain="letter_bookings -> seated_covers -> letters_sent -> letter_bookings",
        assumptions="",
    ),
)
