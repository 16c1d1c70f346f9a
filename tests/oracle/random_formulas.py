"""Random formulas and panels for comparing the oracle with the product: see `formula_maker` and `panel_maker`."""

from .formula_maker import FormulaMaker, random_formula
from .panel_maker import PanelMaker, random_panel

__all__ = ["FormulaMaker", "PanelMaker", "random_formula", "random_panel"]
