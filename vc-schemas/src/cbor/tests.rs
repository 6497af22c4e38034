use super::*;
use proptest::prelude::*;

fn written(value: f64) -> Vec<u8> {
    Writer::default().float(value).into_bytes()
}

#[test]
fn a_float_has_the_fewest_bytes_that_hold_it() {
    // RFC 8949, appendix A.
    for (value, bytes) in [
        (1.5, &[0xf9, 0x3e, 0x00][..]),
        (-4.1, &[0xfb, 0xc0, 0x10, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66]),
        (5.960_464_477_539_063e-8, &[0xf9, 0x00, 0x01]),
        (0.000_061_035_156_25, &[0xf9, 0x04, 0x00]),
        (3.402_823_466_385_288_6e38, &[0xfa, 0x7f, 0x7f, 0xff, 0xff]),
        (65_504.0, &[0xf9, 0x7b, 0xff]),
        (100_000.0, &[0xfa, 0x47, 0xc3, 0x50, 0x00]),
        (1.1, &[0xfb, 0x3f, 0xf1, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a]),
    ] {
        assert_eq!(written(value), bytes, "{value}");
        assert_eq!(Reader::new(bytes).item(), Ok(Item::Float(value)));
    }
    for longer in [&[0xfa, 0x3f, 0xc0, 0, 0][..], &[0xfb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]] {
        assert_eq!(Reader::new(longer).item(), Err(CborError::Malformed), "1.5 in more bytes");
    }
}

#[test]
fn simple_values_other_than_those_of_json_tags_and_infinite_numbers_are_no_items() {
    for bytes in [
        &[0xf7][..],
        &[0xe0],
        &[0xf8, 0x14],
        &[0xf8, 0xff],
        &[0xc0, 0x00],
        &[0xff],
        &[0x5f, 0xff],
        &[0x9f, 0xff],
        &[0xf9, 0x7c, 0x00],
        &[0xf9, 0x7e, 0x00],
        &[0x18, 0x17],
        &[0x62, 0xc3, 0x28],
        &[],
    ] {
        assert_eq!(Reader::new(bytes).item(), Err(CborError::Malformed), "{bytes:x?}");
    }
}

proptest! {
    #[test]
    fn any_half_any_float_and_any_double_is_written_and_read(half in any::<u16>(), single in any::<f32>(), double in any::<f64>()) {
        let bytes = [&[0xf9][..], &half.to_be_bytes()].concat();
        prop_assert_eq!(Reader::new(&bytes).item().is_ok(), half & 0x7c00 != 0x7c00);
        for value in [f64::from(single), double].into_iter().filter(|value| value.is_finite()) {
            let bytes = written(value);
            let mut reader = Reader::new(&bytes);
            let Ok(Item::Float(read)) = reader.item() else { panic!("{value}") };
            prop_assert_eq!((read.to_bits(), reader.end()), (value.to_bits(), Ok(())));
        }
    }
}
