//! Puts every change into a file, each behind its switch.

use quote::{ToTokens, quote};
use std::collections::{BTreeMap, BTreeSet};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{BinOp, Block, Expr, FnArg, ImplItemFn, Item, ItemFn, Pat, ReturnType, Signature, Type, UnOp, parse_quote};

/// One change.
pub struct Mutant {
    pub number: u32,
    pub file: String,
    pub line: usize,
    /// File, function, text of the line, and what is changed: the same as long as nothing near it is edited.
    pub name: String,
    /// The name, and a number that is another one when anything in its function is.
    pub print: String,
}

pub struct Changer<'a> {
    /// The prints of changes that are known not to compile.
    unusable: &'a BTreeSet<String>,
    next: u32,
    file: String,
    lines: Vec<String>,
    function: String,
    /// Stands for all that its function says.
    text: u32,
    /// How often a name has been given in this file.
    given: BTreeMap<String, usize>,
    pub mutants: Vec<Mutant>,
    /// How many are left out.
    pub unused: usize,
}

impl Changer<'_> {
    pub fn new(unusable: &BTreeSet<String>) -> Changer<'_> {
        Changer {
            unusable,
            next: 1,
            file: String::new(),
            lines: Vec::new(),
            function: String::new(),
            text: 0,
            given: BTreeMap::new(),
            mutants: Vec::new(),
            unused: 0,
        }
    }

    pub fn changed(&mut self, path: &str, text: &str) -> String {
        let mut file = syn::parse_file(text).unwrap_or_else(|why| panic!("{path}: {why}"));
        self.file = path.to_owned();
        self.lines = text.lines().map(|line| line.trim().to_owned()).collect();
        self.given.clear();
        self.visit_file_mut(&mut file);
        prettyplease::unparse(&file)
    }

    /// The condition under which a change holds; `None` if it is known not to compile.
    fn switch(&mut self, line: usize, what: &str) -> Option<Expr> {
        let file = self.file.trim_start_matches("src/domain/");
        let mut name = format!("{file}, fn {}: `{}`: {what}", self.function, self.lines[line - 1]);
        let times = self.given.entry(name.clone()).or_default();
        *times += 1;
        if *times > 1 {
            name.push_str(&format!(" ({times})"));
        }
        let print = format!("{:08x} {name}", self.text);
        if self.unusable.contains(&print) {
            self.unused += 1;
            return None;
        }
        let number = self.next;
        self.next += 1;
        self.mutants.push(Mutant { number, file: self.file.clone(), line, name, print });
        Some(parse_quote!(crate::mutant::on(#number)))
    }

    fn enter(&mut self, signature: &Signature, text: &impl ToTokens) {
        self.function = signature.ident.to_string();
        let text = text.to_token_stream().to_string();
        // FNV, which is the same in every build.
        self.text = text.bytes().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    }

    fn binary(&mut self, node: &mut syn::ExprBinary) -> Option<Expr> {
        let (left, right, op) = (&node.left, &node.right, node.op);
        if holds_let(left) || holds_let(right) {
            return None;
        }
        let others = others(&op);
        let line = op.span().start().line;
        let is_logic = matches!(op, BinOp::And(_) | BinOp::Or(_));
        let is_assignment = quote!(#op).to_string().ends_with('=') && !is_comparison(&op);
        let operands: (Expr, Expr) = match (is_logic, is_comparison(&op)) {
            // The right side of these must not be looked at too early; of assignments both are places.
            _ if is_logic || is_assignment => ((**left).clone(), (**right).clone()),
            (_, true) => (parse_quote!(*__l), parse_quote!(*__r)),
            _ => (parse_quote!(__l), parse_quote!(__r)),
        };
        let (l, r) = &operands;
        let mut chosen: Expr = if is_logic { parse_quote!(__l #op #r) } else { parse_quote!(#l #op #r) };
        let mut is_changed = false;
        for other in others {
            let what = format!("{} becomes {}", quote!(#op), quote!(#other));
            let Some(on) = self.switch(line, &what) else { continue };
            is_changed = true;
            chosen = if is_logic {
                parse_quote!(if #on { __l #other #r } else { #chosen })
            } else {
                parse_quote!(if #on { #l #other #r } else { #chosen })
            };
        }
        if !is_changed {
            return None;
        }
        Some(if is_logic {
            parse_quote!({ let __l: bool = #left; #chosen })
        } else if is_assignment {
            chosen
        } else if is_comparison(&op) {
            parse_quote!((match (&(#left), &(#right)) { (__l, __r) => #chosen }))
        } else {
            parse_quote!((match (#left, #right) { (__l, __r) => #chosen }))
        })
    }

    fn turned(&mut self, condition: &Expr) -> Expr {
        match self.switch(condition.span().start().line, "the condition is turned around") {
            Some(on) => parse_quote!((#condition) != #on),
            None => condition.clone(),
        }
    }

    fn body(&mut self, signature: &Signature, block: &mut Block) {
        if signature.constness.is_some() || signature.asyncness.is_some() || block.stmts.is_empty() {
            return;
        }
        let line = signature.ident.span().start().line;
        let mut early = Vec::new();
        for answer in answers(&signature.output) {
            let what = format!("answers {}", answer.to_token_stream());
            if let Some(on) = self.switch(line, &what) {
                early.push(parse_quote!(if #on { return #answer; }));
            }
        }
        block.stmts.splice(0..0, early);
    }
}

impl VisitMut for Changer<'_> {
    fn visit_item_mut(&mut self, item: &mut Item) {
        let attributes: &[syn::Attribute] = match item {
            Item::Mod(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            _ => &[],
        };
        if attributes.iter().any(|attribute| quote!(#attribute).to_string().contains("test")) {
            return;
        }
        // What is worked out when compiling has no switch.
        if !matches!(item, Item::Const(_) | Item::Static(_) | Item::Macro(_) | Item::Enum(_) | Item::Struct(_)) {
            visit_mut::visit_item_mut(self, item);
        }
    }

    fn visit_impl_item_const_mut(&mut self, _: &mut syn::ImplItemConst) {}

    fn visit_type_mut(&mut self, _: &mut Type) {}

    fn visit_pat_mut(&mut self, _: &mut Pat) {}

    fn visit_item_fn_mut(&mut self, item: &mut ItemFn) {
        if item.sig.constness.is_some() {
            return;
        }
        self.enter(&item.sig, item);
        visit_mut::visit_item_fn_mut(self, item);
        self.body(&item.sig, &mut item.block);
    }

    fn visit_impl_item_fn_mut(&mut self, item: &mut ImplItemFn) {
        if item.sig.constness.is_some() {
            return;
        }
        self.enter(&item.sig, item);
        visit_mut::visit_impl_item_fn_mut(self, item);
        let takes_place = item.sig.inputs.iter().any(|input| matches!(input, FnArg::Receiver(_)));
        // `new() -> Self` has no other answer that means anything.
        if takes_place || !matches!(item.sig.output, ReturnType::Default) {
            self.body(&item.sig, &mut item.block);
        }
    }

    fn visit_expr_const_mut(&mut self, _: &mut syn::ExprConst) {}

    fn visit_expr_repeat_mut(&mut self, node: &mut syn::ExprRepeat) {
        self.visit_expr_mut(&mut node.expr);
    }

    fn visit_arm_mut(&mut self, arm: &mut syn::Arm) {
        if let Some((_, guard)) = &mut arm.guard
            && !holds_let(guard)
        {
            let line = guard.span().start().line;
            self.visit_expr_mut(guard);
            let yes = self.switch(line, "the guard is always true");
            // A planted fault is always false here.
            let is_planted = quote!(#guard).to_string().starts_with("planted :: is");
            let no = if is_planted { None } else { self.switch(line, "the guard is always false") };
            let inner = guard.clone();
            let yes: Expr = yes.unwrap_or(parse_quote!(false));
            let no: Expr = no.unwrap_or(parse_quote!(false));
            **guard = parse_quote!(#yes || !#no && (#inner));
        }
        self.visit_expr_mut(&mut arm.body);
    }

    fn visit_expr_match_mut(&mut self, node: &mut syn::ExprMatch) {
        visit_mut::visit_expr_match_mut(self, node);
        let has_rest = node.arms.iter().any(|arm| matches!(arm.pat, Pat::Wild(_)) && arm.guard.is_none());
        for arm in node.arms.iter_mut().filter(|arm| has_rest && !matches!(arm.pat, Pat::Wild(_))) {
            let line = arm.pat.span().start().line;
            match &mut arm.guard {
                Some(_) => {}
                None => {
                    if let Some(on) = self.switch(line, "an arm is gone") {
                        arm.guard = Some((Default::default(), parse_quote!(!#on)));
                    }
                }
            }
        }
    }

    fn visit_expr_mut(&mut self, node: &mut Expr) {
        visit_mut::visit_expr_mut(self, node);
        let changed = match node {
            Expr::Binary(binary) => self.binary(binary),
            Expr::Unary(unary) if !holds_let(&unary.expr) => {
                let inner = &unary.expr;
                let is_literal = matches!(**inner, Expr::Lit(_));
                match unary.op {
                    UnOp::Not(_) => {
                        let line = unary.op.span().start().line;
                        let on = self.switch(line, "! is gone");
                        on.map(|on| parse_quote!((if #on { #inner } else { !#inner })))
                    }
                    UnOp::Neg(_) if !is_literal => {
                        let line = unary.op.span().start().line;
                        let on = self.switch(line, "- is gone");
                        on.map(|on| parse_quote!((if #on { #inner } else { -#inner })))
                    }
                    _ => None,
                }
            }
            Expr::If(node) => {
                if is_plain(&node.cond) {
                    *node.cond = self.turned(&node.cond);
                }
                None
            }
            Expr::While(node) => {
                if is_plain(&node.cond) {
                    *node.cond = self.turned(&node.cond);
                }
                None
            }
            Expr::Macro(node) if node.mac.path.is_ident("matches") => {
                let line = node.mac.path.span().start().line;
                self.switch(line, "! stands before it").map(|on| parse_quote!((if #on { !#node } else { #node })))
            }
            _ => None,
        };
        if let Some(changed) = changed {
            *node = changed;
        }
    }

    /// Inside of these are expressions that only the macro understands.
    fn visit_macro_mut(&mut self, _: &mut syn::Macro) {}
}

fn is_comparison(op: &BinOp) -> bool {
    matches!(op, BinOp::Eq(_) | BinOp::Ne(_) | BinOp::Lt(_) | BinOp::Le(_) | BinOp::Gt(_) | BinOp::Ge(_))
}

/// A condition that no other change turns around.
fn is_plain(condition: &Expr) -> bool {
    matches!(condition, Expr::Call(_) | Expr::MethodCall(_) | Expr::Path(_) | Expr::Field(_))
}

/// What an operator may become.
fn others(op: &BinOp) -> Vec<BinOp> {
    match op {
        BinOp::Eq(_) => vec![parse_quote!(!=)],
        BinOp::Ne(_) => vec![parse_quote!(==)],
        BinOp::Lt(_) => vec![parse_quote!(<=), parse_quote!(==), parse_quote!(>)],
        BinOp::Le(_) => vec![parse_quote!(<), parse_quote!(>)],
        BinOp::Gt(_) => vec![parse_quote!(>=), parse_quote!(==), parse_quote!(<)],
        BinOp::Ge(_) => vec![parse_quote!(>), parse_quote!(<)],
        BinOp::And(_) => vec![parse_quote!(||)],
        BinOp::Or(_) => vec![parse_quote!(&&)],
        BinOp::Add(_) => vec![parse_quote!(-), parse_quote!(*)],
        BinOp::Sub(_) => vec![parse_quote!(+), parse_quote!(/)],
        BinOp::Mul(_) => vec![parse_quote!(+), parse_quote!(/)],
        BinOp::Div(_) => vec![parse_quote!(%), parse_quote!(*)],
        BinOp::Rem(_) => vec![parse_quote!(/), parse_quote!(+)],
        BinOp::BitAnd(_) => vec![parse_quote!(|), parse_quote!(^)],
        BinOp::BitOr(_) => vec![parse_quote!(&), parse_quote!(^)],
        BinOp::BitXor(_) => vec![parse_quote!(&), parse_quote!(|)],
        BinOp::Shl(_) => vec![parse_quote!(>>)],
        BinOp::Shr(_) => vec![parse_quote!(<<)],
        BinOp::AddAssign(_) => vec![parse_quote!(-=), parse_quote!(*=)],
        BinOp::SubAssign(_) => vec![parse_quote!(+=), parse_quote!(/=)],
        BinOp::MulAssign(_) => vec![parse_quote!(+=), parse_quote!(/=)],
        BinOp::BitOrAssign(_) => vec![parse_quote!(&=), parse_quote!(^=)],
        _ => vec![],
    }
}

/// A condition that binds something cannot be put into parentheses.
fn holds_let(expr: &Expr) -> bool {
    match expr {
        Expr::Let(_) => true,
        Expr::Binary(binary) => holds_let(&binary.left) || holds_let(&binary.right),
        _ => false,
    }
}

/// Other answers of the type, where they are plain.
fn answers(output: &ReturnType) -> Vec<Expr> {
    match output {
        ReturnType::Default => vec![parse_quote!(())],
        ReturnType::Type(_, of) => values(of),
    }
}

fn values(of: &Type) -> Vec<Expr> {
    match of {
        Type::Tuple(tuple) if tuple.elems.is_empty() => vec![parse_quote!(())],
        Type::Reference(reference) if quote!(#reference).to_string().ends_with("str") => {
            vec![parse_quote!(""), parse_quote!("xyzzy")]
        }
        Type::Path(path) => {
            let Some(last) = path.path.segments.last() else { return vec![] };
            let inner = match &last.arguments {
                syn::PathArguments::AngleBracketed(arguments) => {
                    arguments.args.iter().find_map(|argument| match argument {
                        syn::GenericArgument::Type(of) => Some(of),
                        _ => None,
                    })
                }
                _ => None,
            };
            let wrapped = |wrap: fn(Expr) -> Expr| inner.map(values).unwrap_or_default().into_iter().map(wrap);
            match last.ident.to_string().as_str() {
                "bool" => vec![parse_quote!(true), parse_quote!(false)],
                "u8" | "u16" | "u32" | "u64" | "usize" => vec![parse_quote!(0), parse_quote!(1)],
                "i8" | "i16" | "i32" | "i64" | "isize" => vec![parse_quote!(0), parse_quote!(1), parse_quote!(-1)],
                "String" => vec![parse_quote!(String::new()), parse_quote!("xyzzy".to_owned())],
                "Vec" => vec![parse_quote!(Vec::new())],
                "BTreeSet" => vec![parse_quote!(std::collections::BTreeSet::new())],
                "BTreeMap" => vec![parse_quote!(std::collections::BTreeMap::new())],
                "Timestamp" => vec![parse_quote!(crate::domain::time::Timestamp::MIN)],
                "Option" => {
                    std::iter::once(parse_quote!(None)).chain(wrapped(|value| parse_quote!(Some(#value)))).collect()
                }
                "Result" if inner.is_none() => vec![parse_quote!(Ok(()))],
                "Result" => wrapped(|value| parse_quote!(Ok(#value))).collect(),
                _ => vec![],
            }
        }
        _ => vec![],
    }
}
