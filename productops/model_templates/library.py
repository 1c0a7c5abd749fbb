"""The templates that a new installation begins with; analysts change them and add their own in the admin. Pure.

The numbers are worked examples of an invented company: a started model gets the names, units and descriptions, never these values.
"""

from __future__ import annotations

from productops.model_templates.templates import Template, TemplateParam


def _param(name: str, unit: str, value: float, low: float, high: float, description: str) -> TemplateParam:
    return TemplateParam(name=name, unit=unit, value=value, min=low, max=high, description=description)


def _months(description: str = "Months of the year in which it is live.") -> TemplateParam:
    return _param("months", "months", 12, 6, 12, description)


LIBRARY = (
    Template(
        name="Funnel uplift",
        description="More of the visitors that come anyway take the next step, and each of them is worth an order.",
        formula_text="orders = monthly_visits * months * conversion_uplift\nvalue = orders * order_value",
        chain_text="monthly_visits -> conversion -> orders -> {kpi}",
        params=(
            _param("monthly_visits", "visits/month", 120_000, 100_000, 140_000, "Visits that reach the step."),
            _months(),
            _param("conversion_uplift", "fraction", 0.004, 0.001, 0.007, "Share of visits that convert on top."),
            _param("order_value", "GBP/order", 42, 38, 46, "What an order brings on average."),
        ),
        example_result=241_920,
        assumptions="The visits come without it. Orders that are won are worth as much as others, and none is only moved forward.",
    ),
    Template(
        name="Order value x volume",
        description="Each order that comes anyway is worth a little more: bundles, recommendations, delivery thresholds.",
        formula_text="value = orders_per_month * months * order_value_uplift",
        chain_text="order_value -> revenue_per_order -> {kpi}",
        params=(
            _param("orders_per_month", "orders/month", 25_000, 22_000, 28_000, "Orders that it applies to."),
            _months(),
            _param("order_value_uplift", "GBP/order", 0.8, 0.2, 1.4, "What an order brings on top."),
        ),
        example_result=240_000,
        assumptions="A larger order doesn't keep customers from coming back.",
    ),
    Template(
        name="Cost saved",
        description="The same work is done at a lower cost per case, less what the new way costs to run.",
        formula_text="saved = (cost_per_case_now - cost_per_case_after) * cases_per_month * months\nvalue = saved - running_cost",
        chain_text="cost_per_case -> operating_cost -> {kpi}",
        params=(
            _param("cost_per_case_now", "GBP/case", 6.5, 6, 7, "Cost of a case today, by the books."),
            _param("cost_per_case_after", "GBP/case", 4, 3, 5.5, "Cost of a case with it."),
            _param("cases_per_month", "cases/month", 8_000, 7_000, 9_000, "Cases that go the new way."),
            _months(),
            _param("running_cost", "GBP", 30_000, 20_000, 45_000, "What it costs to run in that time."),
        ),
        example_result=210_000,
        assumptions="The cost that falls away is really given up, not filled with other work.",
    ),
    Template(
        name="Risk avoided",
        description="A loss becomes less likely: fraud, a fine, an outage, a supplier that fails.",
        formula_text="value = (probability_now - probability_after) * loss",
        chain_text="incident_probability -> expected_loss -> {kpi}",
        params=(
            _param("probability_now", "fraction", 0.2, 0.1, 0.3, "How likely it is within a year as things stand."),
            _param("probability_after", "fraction", 0.05, 0.02, 0.1, "How likely it is with the work done."),
            _param("loss", "GBP", 900_000, 400_000, 1_500_000, "What it would cost if it happened once."),
        ),
        example_result=135_000,
        assumptions="It happens at most once a year.",
    ),
    Template(
        name="Retention",
        description="Customers who would have left stay for another year.",
        formula_text="customers_kept = customers_at_risk * churn_reduction\nvalue = customers_kept * value_per_customer",
        chain_text="churn -> customers -> {kpi}",
        params=(
            _param("customers_at_risk", "customers", 18_000, 15_000, 21_000, "Customers who see the change."),
            _param("churn_reduction", "fraction", 0.03, 0.01, 0.05, "Share of them who stay because of it."),
            _param("value_per_customer", "GBP/customer", 140, 110, 170, "What one brings in a year."),
        ),
        example_result=75_600,
        assumptions="Those who are kept buy as much as the average customer.",
    ),
    Template(
        name="Time saved",
        description="People lose less time on a task, and use a part of what they gain for work that counts.",
        formula_text="hours = people * hours_saved_per_week * working_weeks\nvalue = hours * share_used * cost_per_hour",
        chain_text="hours_saved -> productive_hours -> {kpi}",
        params=(
            _param("people", "people", 60, 50, 70, "Who does the task."),
            _param("hours_saved_per_week", "hours/week", 1.5, 0.5, 2.5, "Hours that one of them gains a week."),
            _param("working_weeks", "weeks", 44, 42, 46, "Weeks worked in a year."),
            _param("share_used", "fraction", 0.6, 0.3, 0.8, "Share of the time that goes into work that counts."),
            _param("cost_per_hour", "GBP/hour", 38, 35, 42, "What an hour costs, all in."),
        ),
        example_result=90_288,
        assumptions="Gained minutes add up to time that can be used.",
    ),
    Template(
        name="New customers",
        description="A channel or a campaign reaches people; some sign up, some of those pay.",
        formula_text="customers = reach * signup_rate * paying_share\nvalue = customers * value_per_customer",
        chain_text="reach -> signups -> paying_customers -> {kpi}",
        params=(
            _param("reach", "people", 400_000, 300_000, 500_000, "People who see it."),
            _param("signup_rate", "fraction", 0.01, 0.006, 0.014, "Share of them who sign up."),
            _param("paying_share", "fraction", 0.25, 0.18, 0.32, "Share of the signups who pay."),
            _param("value_per_customer", "GBP/customer", 90, 70, 110, "What one brings in the first year."),
        ),
        example_result=90_000,
        assumptions="They wouldn't have come otherwise.",
    ),
    Template(
        name="New market",
        description="A country, a segment or a language that couldn't buy until now.",
        formula_text="customers = reachable_customers * penetration\nvalue = customers * value_per_month * months",
        chain_text="reachable_customers -> customers -> {kpi}",
        params=(
            _param("reachable_customers", "customers", 250_000, 150_000, 350_000, "Who could buy there."),
            _param("penetration", "fraction", 0.012, 0.004, 0.02, "Share of them who do, in the first year."),
            _param("value_per_month", "GBP/month", 5.5, 4, 7, "What one brings a month."),
            _param("months", "months", 8, 6, 10, "Months of the year after the start."),
        ),
        example_result=132_000,
        assumptions="Nobody moves there from a market that is served already.",
    ),
    Template(
        name="Price change",
        description="A price is raised (or cut), and some of the units sold are lost (or won).",
        formula_text="value = (price_after * (1 - lost_share) - price_now) * units_sold",
        chain_text="price -> units_sold -> {kpi}",
        params=(
            _param("price_now", "GBP/unit", 10, 10, 10, "Price today."),
            _param("price_after", "GBP/unit", 10.5, 10.3, 10.7, "Price with the change."),
            _param("lost_share", "fraction", 0.02, 0, 0.06, "Share of units that are lost; below 0 for won."),
            _param("units_sold", "units", 300_000, 270_000, 330_000, "Units sold in a year at today's price."),
        ),
        example_result=87_000,
        assumptions="Competitors keep their prices.",
    ),
    Template(
        name="Feature adoption",
        description="Users who take up a feature bring more than those who don't.",
        formula_text="adopters = eligible_users * adoption_rate\nvalue = adopters * value_per_adopter",
        chain_text="adoption -> active_users -> {kpi}",
        params=(
            _param("eligible_users", "users", 40_000, 35_000, 45_000, "Users who will be shown the feature."),
            _param("adoption_rate", "fraction", 0.08, 0.03, 0.13, "Share of them who use it after three months."),
            _param("value_per_adopter", "GBP/user", 30, 15, 40, "What one brings on top in a year, by a test."),
        ),
        example_result=96_000,
        assumptions="Adopters bring more because of the feature, not because they were the better users before.",
    ),
    Template(
        name="Fewer incidents",
        description="Errors, refunds, complaints or calls that happen now are prevented.",
        formula_text="prevented = incidents_per_month * share_prevented * months\nvalue = prevented * cost_per_incident",
        chain_text="incidents -> cost_of_incidents -> {kpi}",
        params=(
            _param("incidents_per_month", "incidents/month", 1_500, 1_300, 1_700, "How many there are now."),
            _param("share_prevented", "fraction", 0.35, 0.2, 0.5, "Share that won't happen any more."),
            _months(),
            _param("cost_per_incident", "GBP/incident", 18, 12, 25, "What one costs: refund, time, goodwill."),
        ),
        example_result=113_400,
        assumptions="The number of incidents would have stayed as it is.",
    ),
    Template(
        name="Sooner to market",
        description="Something that comes anyway comes earlier: a platform, a tool, an integration that others wait for.",
        formula_text="value = value_per_month * months_sooner * share_not_caught_up",
        chain_text="months_sooner -> months_live -> {kpi}",
        params=(
            _param("value_per_month", "GBP/month", 45_000, 30_000, 60_000, "What it brings once it is live."),
            _param("months_sooner", "months", 3, 1, 5, "Months that it comes earlier."),
            _param("share_not_caught_up", "fraction", 0.8, 0.5, 1, "Share of that which wouldn't be made up later."),
        ),
        example_result=108_000,
        assumptions="What waits for it is really ready by then.",
    ),
)
