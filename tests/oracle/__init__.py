"""An independent reading of docs/semantics.md, sections 1 to 8: plain, slow Python that says what a metric is on a day.

It shares no code with the product and exists to disagree with it. `evaluate(panel)` gives every grid row of every metric.

Where the rules are silent, the oracle chooses what a careful reader would expect:

* **First day.** A row counts as data when it names a known record and brings a number: a custom metric without a value, a value that
  is not finite, and a 0 under `zeros: missing` are no data. Without any data and without `start` there is no grid row.
* **Which events count for a company.** Only activities of children count for their company directly; conversations, tasks and other
  series of a child are the child's alone. An activity that names company a and a child of company b counts once for each.
* **Children without a known company** count for themselves only.
* **`last`.** A plain date is the start of its day. A row without count is 1 in every collapse mode, not only in `sum`.
* **Names of conversations and tasks** that nobody ever sent are 0 on grid days like any other. For children these are the grid days of
  the child, whatever the company's own are.
* **Fields.** `company.custom.seats` and `company.seats` are the field `seats`. A field that some records of a model have is empty in
  those that lack it. Two stored values of one day: the later one in the list. A stored or given value on the as-of day wins over the
  current one. An empty value stored before the first non-empty one is NULL from its day on also under `constant`; only the days before
  everything stored take the first non-empty value. The newest stored day counts the rows of records that left too.
* **Number or text** looks at every value of the field in the history and now, also at days after the as-of day and at records that
  left. Numeric text is a plain decimal number, with or without an exponent; `nan`, `inf` and a blank are texts. A number inside a text
  field is the text it is usually written as.
* **Text against number** in a comparison of equality is not equal. A text field may be asked whether it has a value. Any other use of
  a text is an error, and so is everything else that the rules forbid: the oracle raises `RuleError` where it meets it.
* **Sums** (SUM and AVERAGE over days, over arguments and over children, totals, collapsing) are the true sum, rounded once; they are
  NULL when that is too large for a number, also as the first step of an average. MULTIPLICATION, DIVISION, SUBTRACTION, `+` and `-`
  are computed from left to right, with the finite rule at every step.
* **POWER**: 0^0 is 1; 0 to a negative power is NULL.
* **`and`, `or`** give 1, 0 or NULL, also of one argument. `=` and `!=` compare like `equal to`, but NULL with a NULL operand.
* **Synonyms** (`AVG`, `ADDITION`, `MAXIMUM`, `MINIMUM`) are accepted for operations and for groups. Heads are exact in case.
* **A one-element array** may also stand around a group, around another one-element array and around a condition.
"""

from .model import Metric, Panel, Point, Record, RuleError
from .world import evaluate

__all__ = ["Metric", "Panel", "Point", "Record", "RuleError", "evaluate"]
