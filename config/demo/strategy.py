"""What Larkspoon steers by: KPIs, scenarios, the rules agreed for the quarter, and targets. Rows as PMs type them."""

from __future__ import annotations

from config.demo.company import PERIOD, Cells

NORTH_STAR = "net_revenue"
NORTH_STAR_UNIT = "GBP"

KPIS: tuple[Cells, ...] = (
    {
        "kpi_key": NORTH_STAR,
        "kpi_name": "Net revenue a year",
        "kpi_level": "north_star",
        "unit": NORTH_STAR_UNIT,
        "description": "Fees from seated diners, vouchers and memberships, less refunds.",
        "is_active": True,
    },
    {
        "kpi_key": "seated_covers",
        "kpi_name": "Diners seated a year",
        "kpi_level": "strategic",
        "unit": "count",
        "description": "Diners who booked with us and sat down.",
        "is_active": True,
    },
    {
        "kpi_key": "diner_retention_90d",
        "kpi_name": "Diners who book again within 90 days",
        "kpi_level": "strategic",
        "unit": "fraction",
        "description": "Share of this month's diners who book again within 90 days.",
        "is_active": "yes",
    },
    {
        "kpi_key": "restaurant_retention",
        "kpi_name": "Restaurants that stay a year",
        "kpi_level": "strategic",
        "unit": "fraction",
        "description": "Share of restaurants that are still with us after twelve months.",
        "is_active": True,
    },
    {
        "kpi_key": "support_hours_saved",
        "kpi_name": "Support hours saved a year",
        "kpi_level": "strategic",
        "unit": "hours",
        "description": "Hours that agents don't spend any more.",
        "is_active": True,
    },
    {
        "kpi_key": "app_store_rating",
        "kpi_name": "Rating of the app",
        "kpi_level": "strategic",
        "unit": "stars out of five",
        "description": "No longer steered by since spring.",
        "is_active": False,
    },
)

REVENUE = f"{PERIOD} revenue"
BALANCE = f"{PERIOD} balance"
LOYALTY = f"{PERIOD} loyalty first"
RULES = "Agreed in June"

SCENARIOS: tuple[Cells, ...] = (
    {
        "scenario_name": REVENUE,
        "period_key": "Q3 2026",
        "capacity_total_tokens": 360,
        "objective_mode": "north_star",
        "objective_scope": "all",
        "notes": "As much net revenue as the quarter can bring, within what was agreed.",
    },
    {
        "scenario_name": BALANCE,
        "period_key": PERIOD,
        "capacity_total_tokens": 360,
        "objective_mode": "weighted_kpis",
        "objective_weights_json": (
            "net_revenue: 0.4; diner_retention_90d: 0.2; restaurant_retention: 0.25; support_hours_saved: 0.15"
        ),
        "notes": "Revenue counts most, and isn't all.",
    },
    {
        "scenario_name": LOYALTY,
        "period_key": PERIOD,
        "capacity_total_tokens": 360,
        "objective_mode": "lexicographic",
        "objective_weights_json": "diner_retention_90d > restaurant_retention",
        "notes": "First the diners who come back, then the restaurants that stay, then revenue.",
    },
)


def _rule(scenario: str, kind: str, **cells: str | float) -> Cells:
    return {"scenario_name": scenario, "constraint_set_name": RULES, "constraint_type": kind, **cells}


def _slice(scenario: str, kind: str, dimension: str, key: str, tokens: float, notes: str) -> Cells:
    column = "min_tokens" if kind == "capacity_floor" else "max_tokens"
    cells: dict[str, str | float] = {"dimension": dimension, "dimension_key": key, "notes": notes, column: tokens}
    return _rule(scenario, kind, **cells)


_COMPLIANCE = {"member_keys": "P02 | P15", "notes": "The regulator's dates don't move."}
_VAULT = {"member_keys": "P01", "notes": "No card on file without the vault."}

# Members are refs until the backend has given keys; see `company.with_keys`.
CONSTRAINTS: tuple[Cells, ...] = (
    _slice(REVENUE, "capacity_floor", "market", "Iberia", 110, "Promised to the Madrid office."),
    _slice(REVENUE, "capacity_floor", "category", "Tech health", 30, "Keep the lights on."),
    _slice(REVENUE, "capacity_floor", "country+department", "Germany + Restaurant Success", 10, "Berlin's pilot."),
    _slice(REVENUE, "capacity_cap", "department", "Diner Growth", 140, "The team has six engineers."),
    _slice(REVENUE, "capacity_cap", "all", "all", 352, "Eight tokens are kept back for incidents."),
    _rule(REVENUE, "mandatory", dimension="initiative", **_COMPLIANCE),
    _rule(
        REVENUE,
        "bundle_all_or_nothing",
        dimension_key="Widget",
        member_keys="R01, R02",
        notes="Sold to owners as one thing.",
    ),
    _rule(REVENUE, "exclude_pair", member_keys="D06 | D07", notes="Points or a membership, not both at once."),
    _rule(REVENUE, "exclude_initiative", dimension_key="P14", notes="The contract with the data centre ends first."),
    _rule(REVENUE, "require_prereq", dimension_key="R05", **_VAULT),
    _rule(REVENUE, "require_prereq", dimension_key="D08", member_keys="P05", notes="Vouchers attract stolen cards."),
    _rule(
        REVENUE,
        "synergy_bonus",
        member_keys="D01 | P09",
        kpi_key=NORTH_STAR,
        bonus_value=30000,
        notes="Moods as filters need the new index.",
    ),
    _rule(BALANCE, "mandatory", **_COMPLIANCE),
    _rule(BALANCE, "require_prereq", dimension_key="R05", **_VAULT),
    _rule(BALANCE, "exclude_pair", member_keys="D06 | D07", notes="Points or a membership, not both at once."),
    _slice(BALANCE, "capacity_cap", "department", "Diner Growth", 140, "The team has six engineers."),
    _rule(LOYALTY, "mandatory", **_COMPLIANCE),
    _rule(LOYALTY, "require_prereq", dimension_key="R05", **_VAULT),
    _rule(LOYALTY, "exclude_initiative", dimension_key="D07", notes="A membership splits diners in two."),
)


def _target(scenario: str, kind: str, kpi: str, target: float, *where: str, **cells: str | float) -> Cells:
    dimension, key = where or ("all", "all")
    return {
        "scenario_name": scenario,
        "constraint_set_name": RULES,
        "dimension": dimension,
        "dimension_key": key,
        "kpi_key": kpi,
        "target_value": target,
        "floor_or_goal": kind,
        **cells,
    }


TARGETS: tuple[Cells, ...] = (
    _target(REVENUE, "goal", NORTH_STAR, 20_000_000, baseline_value=18_200_000, notes="The board's number."),
    _target(REVENUE, "goal", "seated_covers", 10_300_000, "GLOBAL", "", baseline_value=9_600_000),
    _target(REVENUE, "floor", "restaurant_retention", 0.025, notes="Sales won't carry less."),
    _target(REVENUE, "floor", NORTH_STAR, 120_000, "market", "DACH", notes="Every market grows."),
    _target(REVENUE, "goal", "support_hours_saved", 8_000),
    _target(REVENUE, "goal", NORTH_STAR, 700_000, "country", "Spain"),
    _target(BALANCE, "goal", NORTH_STAR, 2_000_000),
    _target(BALANCE, "goal", "diner_retention_90d", 0.03),
    _target(BALANCE, "floor", "restaurant_retention", 0.04),
    _target(BALANCE, "goal", "support_hours_saved", 12_000),
    _target(LOYALTY, "goal", "diner_retention_90d", 0.345, baseline_value=0.31),
    _target(LOYALTY, "goal", "restaurant_retention", 0.86, baseline_value=0.81),
    _target(LOYALTY, "floor", NORTH_STAR, 600_000, notes="We still have to pay the rent."),
    _target(LOYALTY, "goal", NORTH_STAR, 250_000, "market", "UKI"),
)
