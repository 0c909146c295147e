use super::*;
use proptest::prelude::*;

fn read(files: &[(&str, &str)]) -> Kconfig {
    let tree = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = tree.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    Kconfig::read(tree.path(), "x86").unwrap()
}

fn expressions(conditions: &[Condition]) -> Vec<String> {
    let line = |c: &Condition| format!("{} {}", c.place, c.expression);
    conditions.iter().map(line).collect()
}

#[test]
fn conditions_come_from_menus_blocks_and_the_option_itself() {
    let kconfig = read(&[
        (
            "Kconfig",
            "mainmenu \"Linux\"\nsource \"arch/$(SRCARCH)/Kconfig\"\nsource \"net/Kconfig\"\n",
        ),
        (
            "arch/x86/Kconfig",
            "config X86\n\tdef_bool y\n\tselect HAVE_JIT if 64BIT\n",
        ),
        (
            "net/Kconfig",
            "menu \"Net\"\n\tdepends on NET\n\tvisible if EXPERT\n\nif INET\nconfig TUN\n\ttristate \"A tunnel (if any)\" if X86 || \\\n\t\tARM\n\
             \tdepends on BAR && \\\n\t  !BAZ\n\thelp\n\t  config NOT_ME\n\n\t   nor: depends on ME\nendif\nendmenu\nconfig HAVE_JIT\n\tbool\n",
        ),
    ]);
    let tun = kconfig.symbol("TUN").unwrap();
    let definition = &tun.definitions[0];
    assert_eq!(
        expressions(&definition.depends),
        [
            "net/Kconfig:2 NET",
            "net/Kconfig:5 INET",
            "net/Kconfig:9 BAR && !BAZ"
        ]
    );
    assert_eq!(
        expressions(definition.prompt.as_ref().unwrap()),
        ["net/Kconfig:3 EXPERT", "net/Kconfig:7 X86 || ARM"]
    );
    let jit = kconfig.symbol("HAVE_JIT").unwrap();
    assert!(jit.definitions[0].prompt.is_none());
    assert_eq!(
        jit.selected_by,
        [("X86".to_owned(), Some("64BIT".to_owned()))]
    );
    assert!(kconfig.symbol("NOT_ME").is_none());
    let mut names: Vec<&str> = kconfig.names().collect();
    names.sort_unstable();
    assert_eq!(names, ["HAVE_JIT", "TUN", "X86"]);
}

#[test]
fn members_of_a_choice_are_known_as_such() {
    let kconfig = read(&[(
        "Kconfig",
        "choice\n\tprompt \"Frequency\"\n\tdepends on TIMER\nconfig HZ_100\n\tbool \"100\"\nconfig HZ_250\n\tbool \"250\"\nendchoice\nconfig OTHER\n\tbool \"x\"\n",
    )]);
    let definition = &kconfig.symbol("HZ_250").unwrap().definitions[0];
    assert!(definition.in_choice);
    assert_eq!(expressions(&definition.depends), ["Kconfig:3 TIMER"]);
    assert!(!kconfig.symbol("OTHER").unwrap().definitions[0].in_choice);
}

#[test]
fn a_source_that_sources_itself_ends() {
    let kconfig = read(&[("Kconfig", "config A\n\tbool \"a\"\nsource \"Kconfig\"\n")]);
    assert!(kconfig.symbol("A").is_some());
}

proptest! {
    #[test]
    fn any_text_is_read_to_its_end(text in "((config|menu|if|endif|choice|help|select|depends on|bool|\"|\\\\|\t| |A|&&)\n?){0,40}") {
        read(&[("Kconfig", &text)]);
    }
}
