# The service for NixOS: imports = [ ./module.nix ]; services.stint.enable = true; services.stint.package = …;
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.stint;
  toml = pkgs.formats.toml { };
in
{
  options.services.stint = {
    enable = lib.mkEnableOption "the jobserver of the machine";
    package = lib.mkOption { type = lib.types.package; };
    settings = lib.mkOption {
      type = toml.type;
      default = { };
      description = "What stands in stint.toml.";
    };
  };

  config = lib.mkIf cfg.enable {
    environment.systemPackages = [ cfg.package ];
    environment.etc."stint/stint.toml".source = toml.generate "stint.toml" cfg.settings;
    users.groups.jobserver = { };
    systemd.packages = [ cfg.package ];
    systemd.services.stint = {
      wantedBy = [ "multi-user.target" ];
      serviceConfig.ExecStart = [
        ""
        "${lib.getExe cfg.package} serve --config /etc/stint/stint.toml"
      ];
      reloadTriggers = [ config.environment.etc."stint/stint.toml".source ];
    };
  };
}
