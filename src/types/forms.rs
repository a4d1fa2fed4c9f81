//! One of the forms of a type, in 8 bytes: every form is a pointer, and which one it is stands in the low bits.
//!
//! ```text
//!  63                               3 2      0
//! ┌──────────────────────────────────┬────────┐   number  0, 1   a [`Thin`] buffer: packed forms
//! │ address                          │ number │           2      a box: the large form
//! └──────────────────────────────────┴────────┘
//! ```
//! [`forms!`] declares the forms of a type by name; an entry keeps the word as its payload.
//!
//! Invariants: the address is what the form named by the number owns; a box's value is aligned to 8 or more.
#![allow(unsafe_code)]

use super::thin::{NUMBER, Thin};
use std::marker::PhantomData;
use std::num::NonZero;
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};

const LARGE: usize = 2;

/// A packed form: a [`Thin`] and nothing else.
///
/// # Safety
/// It is `repr(transparent)` over a [`Thin`].
pub(super) unsafe trait Buffer: Sized {
    /// The form that `thin` is.
    fn of(thin: &Thin) -> &Self {
        // SAFETY: it is a Thin and nothing else.
        unsafe { &*ptr::from_ref(thin).cast() }
    }
}

/// A packed form of a word, to be changed or replaced: the word gets its number back afterwards.
pub(super) struct Lent<'a, B: Buffer> {
    value: &'a mut B,
    number: usize,
}

impl<'a, B: Buffer> Lent<'a, B> {
    pub(super) fn of(number: usize, thin: &'a mut Thin) -> Self {
        // SAFETY: a buffer is a Thin and nothing else.
        Self { value: unsafe { &mut *ptr::from_mut(thin).cast() }, number }
    }
}

impl<B: Buffer> Deref for Lent<'_, B> {
    type Target = B;

    fn deref(&self) -> &B {
        self.value
    }
}

impl<B: Buffer> DerefMut for Lent<'_, B> {
    fn deref_mut(&mut self) -> &mut B {
        self.value
    }
}

impl<B: Buffer> Drop for Lent<'_, B> {
    #[inline(always)]
    fn drop(&mut self) {
        let at = ptr::from_mut(self.value).cast::<NonNull<u8>>();
        // SAFETY: a buffer is a Thin, which is a pointer and does not look at the number.
        unsafe { at.write(numbered(at.read(), self.number)) }
    }
}

// SAFETY: it is one.
unsafe impl Buffer for Thin {}

/// A form by its number, borrowed.
pub(super) enum Open<'a, L> {
    Thin(usize, &'a Thin),
    Large(&'a L),
}

/// A form by its number, to be changed in place.
pub(super) enum OpenMut<'a, L> {
    Thin(usize, &'a mut Thin),
    Large(&'a mut L),
}

/// A form of a type whose large one is `L`.
pub(super) struct Word<L> {
    at: NonNull<u8>,
    large: PhantomData<Box<L>>,
}

// SAFETY: a word owns what it points to: a Thin, which may be sent and shared, or a box of L.
unsafe impl<L: Send> Send for Word<L> {}
// SAFETY: as above.
unsafe impl<L: Sync> Sync for Word<L> {}

impl<L> Word<L> {
    /// The packed form of this number: 0 or 1.
    pub(super) fn packed<B: Buffer>(number: usize, buffer: B) -> Self {
        const { assert!(size_of::<B>() == size_of::<Thin>()) };
        assert!(number < LARGE);
        // SAFETY: a buffer is a Thin, which is a pointer; it is owned by the word from here on.
        let at = unsafe { ptr::from_ref(&buffer).cast::<NonNull<u8>>().read() };
        std::mem::forget(buffer);
        Self { at: numbered(at, number), large: PhantomData }
    }

    /// The large form.
    pub(super) fn large(large: Box<L>) -> Self {
        const { assert!(align_of::<L>() > NUMBER) };
        let at = NonNull::from(Box::leak(large)).cast();
        Self { at: numbered(at, LARGE), large: PhantomData }
    }

    fn number(&self) -> usize {
        self.at.addr().get() & NUMBER
    }

    /// The box's value.
    fn boxed(&self) -> *mut L {
        self.at.as_ptr().map_addr(|at| at & !NUMBER).cast()
    }

    #[inline(always)]
    pub(super) fn open(&self) -> Open<'_, L> {
        match self.number() {
            // SAFETY: with this number the word is the pointer of a box, borrowed as `self` is.
            LARGE => Open::Large(unsafe { &*self.boxed() }),
            // SAFETY: a Thin is such a pointer, and does not look at the number.
            number => Open::Thin(number, unsafe { &*ptr::from_ref(&self.at).cast::<Thin>() }),
        }
    }

    #[inline(always)]
    pub(super) fn open_mut(&mut self) -> OpenMut<'_, L> {
        match self.number() {
            // SAFETY: as in `open`; `self` is borrowed mutably.
            LARGE => OpenMut::Large(unsafe { &mut *self.boxed() }),
            // SAFETY: as in `open`.
            number => OpenMut::Thin(number, unsafe { &mut *ptr::from_mut(&mut self.at).cast::<Thin>() }),
        }
    }
}

/// The pointer `at` with this number.
fn numbered(at: NonNull<u8>, number: usize) -> NonNull<u8> {
    at.map_addr(|at| NonZero::new(at.get() & !NUMBER | number).unwrap_or(at))
}

impl<L> Drop for Word<L> {
    fn drop(&mut self) {
        // SAFETY: the word owns what it points to, and is not used again.
        unsafe {
            match self.number() {
                LARGE => drop(Box::from_raw(self.boxed())),
                _ => ptr::from_mut(&mut self.at).cast::<Thin>().drop_in_place(),
            }
        }
    }
}

impl<L: Clone> Clone for Word<L> {
    fn clone(&self) -> Self {
        match self.open() {
            Open::Large(large) => Self::large(Box::new(large.clone())),
            Open::Thin(number, thin) => Self::packed(number, thin.clone()),
        }
    }
}

/// Declares the forms of a type: one or two packed ones, and a large one in a box.
///
/// `Form` is one of them; `Forms` keeps it in a word, and shows it as a `View` or a `ViewMut`.
macro_rules! forms {
    ($small:ident($s:ty) $(, $other:ident($o:ty))?; $large:ident($l:ty)) => {
        enum Form {
            $small($s),
            $($other($o),)?
            $large(Box<$l>),
        }

        enum View<'a> {
            $small(&'a $s),
            $($other(&'a $o),)?
            $large(&'a $l),
        }

        enum ViewMut<'a> {
            $small($crate::types::forms::Lent<'a, $s>),
            $($other($crate::types::forms::Lent<'a, $o>),)?
            $large(&'a mut $l),
        }

        #[derive(Clone)]
        struct Forms($crate::types::forms::Word<$l>);

        impl From<Form> for Forms {
            fn from(form: Form) -> Self {
                use $crate::types::forms::Word;
                Forms(match form {
                    Form::$small(small) => Word::packed(0, small),
                    $(Form::$other(other) => Word::packed(1, other),)?
                    Form::$large(large) => Word::large(large),
                })
            }
        }

        impl Forms {
            #[inline(always)]
            fn view(&self) -> View<'_> {
                use $crate::types::forms::{Buffer, Open};
                match self.0.open() {
                    $(Open::Thin(1, thin) => View::$other(<$o>::of(thin)),)?
                    Open::Thin(_, thin) => View::$small(<$s>::of(thin)),
                    Open::Large(large) => View::$large(large),
                }
            }

            #[inline(always)]
            fn view_mut(&mut self) -> ViewMut<'_> {
                use $crate::types::forms::{Lent, OpenMut};
                match self.0.open_mut() {
                    $(OpenMut::Thin(1, thin) => ViewMut::$other(Lent::<$o>::of(1, thin)),)?
                    OpenMut::Thin(_, thin) => ViewMut::$small(Lent::of(0, thin)),
                    OpenMut::Large(large) => ViewMut::$large(large),
                }
            }
        }
    };
}

pub(super) use forms;

#[cfg(test)]
mod tests {
    use crate::types::{Item, Packed};

    forms! { Plain(Packed), Other(Packed); Large(String) }

    fn tell(forms: &Forms) -> (u8, Vec<Vec<u8>>) {
        let texts = |list: &Packed| list.iter().map(Item::to_vec).collect();
        match forms.view() {
            View::Plain(list) => (0, texts(list)),
            View::Other(list) => (1, texts(list)),
            View::Large(text) => (2, vec![text.clone().into_bytes()]),
        }
    }

    #[test]
    fn a_word_keeps_its_form_whatever_becomes_of_the_value() {
        assert_eq!(size_of::<Forms>(), 8);
        let mut words = [Form::Plain(Packed::new()), Form::Other(Packed::new())].map(Forms::from);
        for (number, word) in words.iter_mut().enumerate() {
            let number = number as u8;
            assert_eq!(tell(word), (number, vec![]));
            for round in 0..300 {
                match word.view_mut() {
                    ViewMut::Plain(mut list) | ViewMut::Other(mut list) => match round {
                        // Taken out and put back: the value knows nothing of the word.
                        250 => {
                            let taken = std::mem::take(&mut *list);
                            *list = taken.clone();
                        }
                        _ => list.push(Item::Int(round)),
                    },
                    ViewMut::Large(_) => unreachable!("it is packed"),
                }
                assert_eq!(tell(word).0, number);
            }
            let twin = word.clone();
            assert_eq!(tell(&twin), tell(word));
            assert_eq!(tell(&twin).1.len(), 299);
        }
        let [first, second] = &mut words;
        if let (ViewMut::Plain(mut a), ViewMut::Other(mut b)) = (first.view_mut(), second.view_mut()) {
            b.push(Item::Bytes(b"last"));
            std::mem::swap(&mut *a, &mut *b);
        }
        let [a, b] = words.each_ref().map(tell);
        assert_eq!((a.0, a.1.len(), b.0, b.1.len()), (0, 300, 1, 299));
        words[1] = Form::Large(Box::new("text".into())).into();
        if let ViewMut::Large(text) = words[1].view_mut() {
            text.push('s');
        }
        assert_eq!(tell(&words[1].clone()), (2, vec![b"texts".to_vec()]));
    }
}
