-- Two clients as mysqldump writes the tables of the original registry. The secret of client 1001 is
-- kzBn4TqVwG8sYd1LrM6pXc3FhJ9aEo2uKiQ7bRtNyZ5mDfCg
/*!40101 SET NAMES utf8mb4 */;

CREATE TABLE `client` (
  `client_id` int(11) NOT NULL AUTO_INCREMENT,
  `owner_id` int(11) DEFAULT NULL,
  `created` datetime DEFAULT NULL,
  `name` varchar(255) DEFAULT NULL,
  `url` varchar(255) DEFAULT NULL,
  `description` text,
  `redirect_uri` varchar(255) DEFAULT NULL,
  PRIMARY KEY (`client_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `client` VALUES
(1001,17,'2018-03-01 12:00:00','Reading list','https://reading.example','Keeps what you want to read',NULL),
(1002,23,'2019-06-11 08:15:30','Overlay journal','https://journal.example','Submits the journal\'s papers','https://journal.example/callback');

CREATE TABLE `client_authorization` (
  `authorization_id` int(11) NOT NULL AUTO_INCREMENT,
  `client_id` int(11) DEFAULT NULL,
  `requested` datetime DEFAULT NULL,
  `authorized` datetime DEFAULT NULL,
  `scope` varchar(2056) DEFAULT NULL,
  PRIMARY KEY (`authorization_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `client_authorization` VALUES
(1,1001,'2018-03-01 12:00:00','2018-03-02 09:30:00','public:read'),
(2,1002,'2019-06-11 08:15:30','2019-06-12 10:00:00','submission:create'),
(3,1002,'2020-01-07 16:45:00',NULL,'upload:update');

CREATE TABLE `client_credential` (
  `credential_id` int(11) NOT NULL AUTO_INCREMENT,
  `client_id` int(11) DEFAULT NULL,
  `client_secret` varchar(255) DEFAULT NULL,
  `created` datetime DEFAULT NULL,
  PRIMARY KEY (`credential_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `client_credential` VALUES
(1,1001,'d7f48dd017c56a07da5df5a43841115ae0a4cfb227faf80d53a9927042d1d914','2018-03-01 12:00:00'),
(2,1002,'2cb0a1aa14c305fe2f324ad4f22f5eed2483909ed52fb604aa63c0d2c2344c08','2019-06-11 08:15:30');

CREATE TABLE `client_grant_type` (
  `grant_type_id` int(11) NOT NULL AUTO_INCREMENT,
  `client_id` int(11) DEFAULT NULL,
  `requested` datetime DEFAULT NULL,
  `authorized` datetime DEFAULT NULL,
  `grant_type` enum('authorization_code','client_credentials') DEFAULT NULL,
  PRIMARY KEY (`grant_type_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT INTO `client_grant_type` VALUES
(1,1001,'2018-03-01 12:00:00','2018-03-02 09:30:00','client_credentials'),
(2,1002,'2019-06-11 08:15:30','2019-06-12 10:00:00','authorization_code');
