//! Tests of the data folder's place.

use super::*;

#[test]
fn a_folder_is_named_on_a_command_line_only_where_it_is_not_meant_without() {
    let at = |path: &str| Data::at(PathBuf::from(path));
    let home = |name: &str| (name == "HOME").then(|| "/home/pat".to_owned());
    let usual = at("/home/pat/.local/share/marque");
    assert_eq!(usual.command_line("up", home), "marque up");
    assert_eq!(at("/home/pat/bravo").command_line("up", home), "marque --data /home/pat/bravo up");
    let named = |name: &str| if name == "MARQUE_DATA" { Some("/srv/alpha".to_owned()) } else { home(name) };
    assert_eq!(at("/srv/alpha").command_line("up --after-loss", named), "marque up --after-loss");
    assert_eq!(at("bravo").command_line("up", named), "marque --data bravo up");
    assert_eq!(usual.command_line("up", named), format!("marque --data {} up", usual.path().display()));
}
